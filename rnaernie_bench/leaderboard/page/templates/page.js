"use strict";
(() => {
  const all = (selector, root = document) => [...root.querySelectorAll(selector)];

  // Light or dark: the system's choice until the reader makes one.
  const root = document.documentElement;
  const theme = document.getElementById("theme");
  const remember = (value) => { try { localStorage.setItem("theme", value); } catch { /* private */ } };
  const remembered = () => { try { return localStorage.getItem("theme"); } catch { return null; } };
  const dark = () => root.dataset.theme
    ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  const label = () => { theme.textContent = dark() ? "Light" : "Dark"; };
  if (remembered()) root.dataset.theme = remembered();
  if (theme) {
    theme.hidden = false;
    label();
    theme.addEventListener("click", () => {
      root.dataset.theme = dark() ? "light" : "dark";
      remember(root.dataset.theme);
      label();
    });
  }

  // Sorting: missing figures stay last, equal ones keep their order.
  const number = (cell) => {
    const text = cell.dataset.v ?? cell.firstChild?.textContent ?? "";
    return text.trim() === "" ? NaN : Number(text);
  };
  const sort = (table, index, kind, ascending) => {
    const body = table.tBodies[0];
    const keyed = [...body.rows].map((row) => [
      kind === "text" ? row.cells[index].textContent.trim() : number(row.cells[index]), row,
    ]);
    const turn = ascending ? 1 : -1;
    keyed.sort(([a], [b]) => {
      if (kind === "text") return turn * a.localeCompare(b);
      if (Number.isNaN(a) || Number.isNaN(b)) return Number.isNaN(a) - Number.isNaN(b);
      return turn * (a - b);
    });
    body.append(...keyed.map(([, row]) => row));
  };
  for (const table of all(".leaderboard")) {
    const heads = [...table.tHead.rows[0].cells];
    heads.forEach((head, index) => {
      const kind = head.dataset.sort;
      if (!kind) return;
      const button = document.createElement("button");
      button.type = "button";
      button.append(...head.childNodes);
      head.append(button);
      button.addEventListener("click", () => {
        const before = head.getAttribute("aria-sort");
        // The first click shows the largest first, save for names and places.
        const first = kind === "text" || index === 0;
        const ascending = before ? before === "descending" : first;
        heads.forEach((other) => other.removeAttribute("aria-sort"));
        head.setAttribute("aria-sort", ascending ? "ascending" : "descending");
        sort(table, index, kind, ascending);
      });
    });
  }

  // A table that fits needs no scrolling of its own, and its header can stick to the window.
  const fit = () => {
    for (const box of all(".scroll.main")) {
      box.classList.remove("fits");
      if (box.scrollWidth <= box.clientWidth && innerWidth > 1100) box.classList.add("fits");
    }
  };
  fit();
  addEventListener("resize", fit);

  // Filters: tables by task, split, part and protocol; rows by backbone, strategy and a word.
  const filters = document.getElementById("filters");
  if (filters) {
    const rows = all(".leaderboard tbody tr").map((row) => ({
      row,
      backbone: row.querySelector("th b").textContent,
      strategy: row.querySelector("th i")?.textContent ?? "baseline",
      text: row.querySelector("th").textContent.toLowerCase(),
      board: row.closest(".board"),
    }));
    const chosen = (name) => filters.elements[name]?.value ?? "";
    const fits = (value, name) => !chosen(name) || value === chosen(name);
    const apply = () => {
      const word = chosen("find").trim().toLowerCase();
      const boards = new Map(all(".board").map((board) => [board, 0]));
      let count = 0;
      for (const item of rows) {
        const { board } = item;
        const shown = fits(board.dataset.task, "task") && fits(board.dataset.split, "split")
          && fits(board.dataset.part, "part") && fits(board.dataset.protocol, "protocol")
          && fits(item.backbone, "backbone") && fits(item.strategy, "strategy")
          && item.text.includes(word);
        item.row.hidden = !shown;
        if (shown) { count += 1; boards.set(board, boards.get(board) + 1); }
      }
      for (const [board, shown] of boards) {
        board.hidden = shown === 0;
        const folds = board.closest("details");
        if (folds && shown && count < rows.length) folds.open = true;
      }
      for (const task of all("section.task")) {
        const own = all(".board", task);
        if (own.length) task.hidden = own.every((board) => board.hidden);
      }
      document.getElementById("shown").textContent = `${count} of ${rows.length} rows`;
    };
    filters.hidden = false;
    filters.addEventListener("input", apply);
    filters.addEventListener("submit", (event) => event.preventDefault());
    filters.addEventListener("reset", () => setTimeout(apply));
    apply();
  }

  // A link to a run, or to a table among folds, opens what it is in.
  const open = () => {
    const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
    const closed = target?.closest("details:not([open])");
    if (closed) { closed.open = true; target.scrollIntoView(); }
  };
  addEventListener("hashchange", open);
  open();
})();
