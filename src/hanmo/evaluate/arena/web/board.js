// The leaderboard: drawn from /api/board, without anything that the page's policy would have to allow.

import { post, say, speak } from "./words.js";

const byId = (id) => document.getElementById(id);
const percent = (share) => (share === null ? "–" : `${(100 * share).toFixed(share < 0.1 ? 1 : 0)} %`);
const signed = (value) => `${value < 0 ? "−" : "+"}${Math.abs(Math.round(value))}`;
let board = null;
let category = "";

function made(tag, text = "", kind = "") {
  const node = document.createElement(tag);
  node.textContent = text;
  if (kind) node.className = kind;
  return node;
}

// --- rows ---------------------------------------------------------------------------------------

function bar(one, low, high) {
  const place = (value) => (100 * (value - low)) / (high - low);
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  const parts = [
    ["line", "scale", { x1: "0", x2: "100%", y1: "11", y2: "11" }],
    ["line", "mean", { x1: `${place(1000)}%`, x2: `${place(1000)}%`, y1: "0", y2: "22" }],
    ["rect", "span", { x: `${place(one.low)}%`, width: `${place(one.high) - place(one.low)}%`, y: "6", height: "10", rx: "5" }],
    ["circle", "point", { cx: `${place(one.rating)}%`, cy: "11", r: "5" }],
  ];
  for (const [tag, kind, attributes] of parts) {
    const node = document.createElementNS("http://www.w3.org/2000/svg", tag);
    node.setAttribute("class", kind);
    for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
    svg.append(node);
  }
  svg.setAttribute("role", "img");
  svg.setAttribute("aria-label", `${Math.round(one.low)} – ${Math.round(one.high)}`);
  return svg;
}

function row(one, low, high) {
  const line = made("tr", "", one.games ? "" : "unplayed");
  const rank = made("td", "", "rank");
  rank.append(made("strong", one.games ? String(one.rank) : "–"));
  const range = made("small", one.games ? say("ranks", one.best, one.worst) : "");
  range.title = say("ranks_title");
  rank.append(range);
  const rating = made("td", "", "rating");
  if (one.games) {
    const value = made("span", "", "value");
    value.append(made("strong", String(Math.round(one.rating))));
    value.append(made("small", `± ${Math.round((one.high - one.low) / 2)}`));
    rating.append(value, bar(one, low, high));
  } else rating.append(made("small", say("no_games")));
  line.append(rank, made("td", one.name, "name"), rating);
  const numbers = [["Elo", Math.round(one.elo)], ["games", one.games], ["win_rate", percent(one.win_rate)], ["bad", percent(one.bad_share)]];
  for (const [key, value] of numbers) {
    const cell = made("td", one.games ? String(value) : "–", "number");
    cell.dataset.label = key === "Elo" ? key : say(key);
    line.append(cell);
  }
  return line;
}

// --- page ---------------------------------------------------------------------------------------

function facts() {
  const [value, low, high] = board.left_advantage;
  const even = low < 0 && high > 0;
  const side = say("points", signed(value), Math.round((high - low) / 2));
  const list = [
    [say("votes"), String(board.votes), ""],
    [say("bad_share"), percent(board.bad_share), ""],
    [say("side"), side, say(even ? "side_none" : "side_some")],
  ];
  return list.map(([name, number, note]) => {
    const block = made("div");
    block.append(made("dt", name), made("dd", number), made("small", note));
    return block;
  });
}

function tabs() {
  const place = byId("tabs");
  place.hidden = board.categories.length === 0;
  place.replaceChildren(...["", ...board.categories].map((name) => {
    const tab = made("button", name || say("all"));
    tab.type = "button";
    tab.setAttribute("role", "tab");
    tab.setAttribute("aria-selected", String(name === category));
    tab.addEventListener("click", () => { category = name; load(); });
    return tab;
  }));
}

function draw() {
  if (!board) return;
  const played = board.standings.filter((one) => one.games);
  const ends = played.flatMap((one) => [one.low, one.high, 1000]);
  const room = 0.04 * (Math.max(...ends) - Math.min(...ends)) + 1;
  const low = Math.min(...ends) - room, high = Math.max(...ends) + room;
  byId("lead").textContent = board.votes ? say("lead", board.votes, board.standings.length) : say("none_yet");
  byId("rows").replaceChildren(...board.standings.map((one) => row(one, low, high)));
  byId("facts").hidden = !board.votes;
  byId("facts").replaceChildren(...(board.votes ? facts() : []));
  byId("message").hidden = !board.failed.length;
  byId("message").textContent = say("dropped", board.failed.join(", "));
  tabs();
}

async function load() {
  try {
    const answer = await fetch(`/api/board?category=${encodeURIComponent(category)}`);
    if (!answer.ok) throw new Error(String(answer.status));
    board = await answer.json();
    draw();
  } catch {
    byId("message").hidden = false;
    byId("message").textContent = say("lost");
  }
}

byId("name").addEventListener("submit", async (event) => {
  event.preventDefault();
  const answer = await post("/api/name", { name: byId("voter").value }).catch(() => ({ status: 0 }));
  event.target.querySelector("button").textContent = say(answer.status === 200 ? "kept" : "lost");
});

speak("board", draw);
load();
setInterval(() => { if (!document.hidden) load(); }, 10000);
