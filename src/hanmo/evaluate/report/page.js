"use strict";
(() => {
  const FIRST = 60;
  const list = document.getElementById("list");
  const tools = document.getElementById("tools");
  if (!list || !tools) return;
  const cards = [...list.children].map((card, place) => ({
    card,
    place,
    text: card.textContent.toLowerCase(),
    groups: JSON.parse(card.dataset.groups || "{}"),
    values: JSON.parse(card.dataset.values || "{}"),
    state: (card.dataset.state || "").split(" "),
  }));
  const search = document.getElementById("search");
  const order = document.getElementById("order");
  const by = document.getElementById("by");
  const groups = [...tools.querySelectorAll("select[data-group]")];
  const states = [...tools.querySelectorAll("input[name=state]")];
  const found = document.getElementById("found");
  const none = document.getElementById("none");
  const more = document.createElement("button");
  more.type = "button";
  more.id = "more";
  list.after(more);
  let shown = FIRST;

  const sorted = () => {
    if (order.value === "given") return cards;
    const name = by.value;
    const lower = by.selectedOptions[0]?.dataset.lower === "true";
    const up = (order.value === "worst") !== lower ? 1 : -1;
    return [...cards].sort((a, b) => {
      const [x, y] = [a.values[name], b.values[name]];
      if (x === undefined || y === undefined) return (x === undefined) - (y === undefined) || a.place - b.place;
      return up * (x - y) || a.place - b.place;
    });
  };
  const look = () => {
    const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    const state = states.find((one) => one.checked)?.value || "";
    let count = 0;
    for (const one of sorted()) {
      const fits =
        words.every((word) => one.text.includes(word)) &&
        groups.every((box) => !box.value || one.groups[box.dataset.group] === box.value) &&
        (!state || one.state.includes(state));
      count += fits;
      one.card.hidden = !fits || count > shown;
    }
    found.value = count === cards.length ? `${count}` : `${count} of ${cards.length}`;
    none.hidden = count > 0;
    more.hidden = count <= shown;
    more.textContent = `Show ${Math.min(count - shown, 4 * FIRST)} more`;
  };
  const again = () => {
    shown = FIRST;
    look();
  };
  const arrange = () => {
    list.append(...sorted().map((one) => one.card));
    again();
  };
  search.addEventListener("input", again);
  for (const box of [...groups, ...states]) box.addEventListener("change", again);
  for (const box of [order, by]) box.addEventListener("change", arrange);
  more.addEventListener("click", () => {
    const first = [...list.children].filter((card) => !card.hidden).length;
    shown += 4 * FIRST;
    look();
    [...list.children].filter((card) => !card.hidden)[first]?.querySelector("a, summary")?.focus();
  });
  tools.addEventListener("submit", (event) => event.preventDefault());
  tools.addEventListener("reset", () => setTimeout(arrange));
  tools.hidden = false;
  arrange();
})();
