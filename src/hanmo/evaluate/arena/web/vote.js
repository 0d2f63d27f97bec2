// The page that asks. Who painted what is not known here before the vote: the server tells it in its answer.

import { post, say, speak } from "./words.js";

const SIDES = ["left", "right"];
const REVEAL = 3500; // milliseconds that the names stay before the next pair comes by itself
const KEYS = { ArrowLeft: "left", ArrowRight: "right", ArrowUp: "tie", ArrowDown: "bad" };
const byId = (id) => document.getElementById(id);
const sleep = (ms) => new Promise((done) => setTimeout(done, ms));

let current = null; // the match that is shown
let following = null; // a promise of the one after it, its pictures loaded
let state = "loading"; // loading, asking, sending, revealed, done
let turn; // the timer of the next pair
let cast = 0;

function enter(now) {
  state = now;
  document.body.dataset.state = now;
}

// --- matches ------------------------------------------------------------------------------------

async function fetched(held) {
  for (;;) {
    try {
      const match = await post("/api/match", { held });
      if (match.status === 429) { tell("slow"); await sleep(2000); continue; }
      if (match.status !== 200) throw new Error(match.error);
      if (!match.done) match.images = await Promise.all(SIDES.map((side) => picture(match.token, side)));
      return match;
    } catch { tell("lost"); await sleep(2000); }
  }
}

async function picture(token, side) {
  const image = new Image();
  image.src = `/picture/${token}/${side}`;
  try { await image.decode(); } catch { image.dataset.broken = "yes"; }
  return image;
}

async function advance() {
  clearTimeout(turn);
  enter("loading");
  const skipped = current ? [current.token] : [];
  let match = await (following ?? fetched(skipped));
  following = null;
  while (!match.done && match.images.some((image) => image.dataset.broken)) {
    tell("broken");
    skipped.push(match.token);
    match = await fetched(skipped);
  }
  current = match;
  cast = match.cast > cast ? match.cast : cast;
  if (match.done) return finish(match);
  show(match);
  following = fetched([...skipped, match.token]);
}

function show(match) {
  byId("prompt").textContent = match.question;
  SIDES.forEach((side, number) => {
    const figure = byId(side);
    figure.className = "";
    figure.querySelector("img").replaceWith(match.images[number]);
    figure.querySelector("figcaption").replaceChildren();
  });
  byId("pair").className = "pair";
  byId("end").hidden = true;
  for (const id of ["pair", "bar"]) byId(id).hidden = false;
  document.querySelector(".question").hidden = false;
  buttons(false);
  enter("asking");
  words();
}

function finish(match) {
  enter("done");
  for (const id of ["pair", "bar"]) byId(id).hidden = true;
  document.querySelector(".question").hidden = true;
  byId("end").hidden = false;
  words();
  current = { ...match, token: "" };
  if (match.painting) turn = setTimeout(advance, 5000);
}

// --- votes ----------------------------------------------------------------------------------------

async function vote(verdict) {
  if (state !== "asking") return;
  enter("sending");
  const chosen = document.querySelector(`[data-verdict="${verdict}"]`);
  chosen.classList.add("pressed");
  let answer;
  for (;;) {
    try { answer = await post("/api/vote", { token: current.token, verdict }); } catch { answer = { status: 0 }; }
    if (answer.status !== 0 && answer.status !== 429) break;
    tell(answer.status ? "slow" : "lost");
    await sleep(1500);
  }
  chosen.classList.remove("pressed");
  if (answer.status !== 200) { tell(null, answer.error); return advance(); }
  cast = answer.cast;
  reveal(verdict, answer);
}

function reveal(verdict, answer) {
  SIDES.forEach((side) => {
    const name = document.createElement("strong");
    name.textContent = answer[side];
    const rating = document.createElement("span");
    const value = answer[`${side}_rating`];
    rating.textContent = value === null ? say("fresh") : say("rating", Math.round(value));
    byId(side).querySelector("figcaption").replaceChildren(name, rating);
    byId(side).className = verdict === side ? "won" : SIDES.includes(verdict) ? "lost" : "";
  });
  byId("pair").className = "pair revealed";
  buttons(true);
  enter("revealed");
  tell(null, "");
  words();
  turn = setTimeout(advance, REVEAL);
}

async function undo() {
  if (state === "sending" || state === "loading") return;
  clearTimeout(turn);
  const revealed = state === "revealed";
  const answer = await post("/api/undo", {}).catch(() => ({ status: 0 }));
  if (answer.status !== 200) { tell(answer.status === 429 ? "slow" : "lost"); return; }
  cast = answer.cast;
  if (revealed) await advance();
  words();
  tell(answer.withdrawn ? "withdrawn" : "nothing_to_undo");
}

// --- what is seen ---------------------------------------------------------------------------------

function buttons(after) {
  byId("votes").hidden = after;
  byId("after").hidden = !after;
}

function tell(key, text) {
  byId("message").textContent = key ? say(key) : text;
}

function words() {
  byId("count").textContent = say("cast", cast);
  byId("close").ariaLabel = say("close");
  SIDES.forEach((side, number) => { byId(side).querySelector("img").alt = say("picture", "AB"[number]); });
  const painting = current?.painting;
  byId("end-title").textContent = say(painting ? "painting" : "done");
  byId("end-text").textContent = say(painting ? "painting_text" : "done_text");
  tell(null, "");
}

function zoom(side) {
  clearTimeout(turn); // who looks closely is in no hurry
  const dialog = byId("zoom");
  dialog.dataset.side = side;
  dialog.querySelector("img").src = byId(side).querySelector("img").src;
  dialog.querySelector(".flip span").textContent = say("zoomed", side === "left" ? "A" : "B");
  if (!dialog.open) dialog.showModal();
}

SIDES.forEach((side) => byId(side).querySelector(".look").addEventListener("click", () => zoom(side)));
byId("zoom").querySelector(".flip").addEventListener("click", () => zoom(byId("zoom").dataset.side === "left" ? "right" : "left"));
byId("close").addEventListener("click", () => byId("zoom").close());
for (const button of document.querySelectorAll("[data-verdict]")) {
  button.addEventListener("click", () => vote(button.dataset.verdict));
}
byId("next").addEventListener("click", advance);
byId("undo").addEventListener("click", undo);
document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.repeat) return;
  if (byId("zoom").open) {
    if (event.key === "ArrowLeft" || event.key === "ArrowRight") zoom(KEYS[event.key]);
    return;
  }
  if (event.key === "u" || event.key === "U") undo();
  else if (state === "revealed" && (event.key in KEYS || event.key === " " || event.key === "Enter")) advance();
  else if (event.key in KEYS) vote(KEYS[event.key]);
  else return;
  event.preventDefault();
});

speak("arena", words);
advance();
