"use strict";
(() => {
  const FIRST = 40;
  const box = document.getElementById("search");
  if (!box) return;
  const rows = [...document.querySelectorAll("#rejects-table tbody tr")];
  const texts = rows.map((row) => row.textContent.toLowerCase());
  const found = document.getElementById("found");
  const more = document.getElementById("more");
  let all = false;
  const look = () => {
    const words = box.value.toLowerCase().split(/\s+/).filter(Boolean);
    let count = 0;
    rows.forEach((row, number) => {
      const fits = words.every((word) => texts[number].includes(word));
      count += fits;
      row.hidden = !fits || (!all && count > FIRST);
    });
    found.value = words.length ? `${count} of ${rows.length}` : "";
    more.hidden = all || count <= FIRST;
    more.textContent = `Show all ${count}`;
  };
  box.addEventListener("input", look);
  more.addEventListener("click", () => {
    all = true;
    look();
  });
  document.getElementById("rejects-table").after(more);
  document.getElementById("searching").hidden = false;
  look();
})();
