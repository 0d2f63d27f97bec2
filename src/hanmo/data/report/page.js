"use strict";
(() => {
  const box = document.getElementById("search");
  if (!box) return;
  const rows = [...document.querySelectorAll("#rejects-table tbody tr")];
  const texts = rows.map((row) => row.textContent.toLowerCase());
  const found = document.getElementById("found");
  const look = () => {
    const words = box.value.toLowerCase().split(/\s+/).filter(Boolean);
    let count = 0;
    rows.forEach((row, number) => {
      const fits = words.every((word) => texts[number].includes(word));
      row.hidden = !fits;
      count += fits;
    });
    found.value = words.length ? `${count} of ${rows.length}` : "";
  };
  box.addEventListener("input", look);
  document.getElementById("searching").hidden = false;
  look();
})();
