// What a page adds to Superset's frame: beside the title the question that the page
// answers, beside the tabs what the tints mean, ranges of dates as people write them, and
// hints on cut cells.
(() => {
  "use strict";

  const pages = new Map();
  const slugOf = (path) => (path.match(/\/superset\/dashboard\/([^/]+)/) || [])[1];

  const part = (className, text) => {
    const span = document.createElement("span");
    span.className = className;
    span.textContent = text;
    return span;
  };

  // What the file of the page says of it; asked once.
  const said = (slug) => {
    if (!pages.has(slug)) {
      pages.set(slug, {});
      fetch(`/api/v1/dashboard/${slug}`)
        .then((response) => (response.ok ? response.json() : null))
        .then((answer) => {
          if (!answer) return;
          pages.set(slug, JSON.parse(answer.result.json_metadata)?.reestr || {});
          complete();
        });
    }
    return pages.get(slug);
  };

  const addQuestion = (text) => {
    const panel = document.querySelector(".header-with-actions .title-panel");
    if (!panel || !text) return;
    const line = panel.querySelector(".r-question");
    if (line?.textContent === text) return;
    line?.remove();
    panel.append(part("r-question", text));
  };

  const addLegend = (states) => {
    const tabs = document.querySelector(".dashboard-component-tabs .ant-tabs-nav");
    if (!tabs || !states?.length || tabs.querySelector(".r-legend")) return;
    const legend = part("r-legend", "");
    for (const [name, icon, label] of states) {
      const state = part("", "");
      state.append(part(`r-${name}`, icon), ` ${label}`);
      legend.append(state);
    }
    tabs.append(legend);
  };

  // A range as people write it: the frame shows "2025-09-01 ≤ col < 2025-09-18".
  const RANGE = /^(\d{4}-\d\d-\d\d)(?:T\S*)? ≤ col < (\d{4}-\d\d-\d\d)(?:T\S*)?$/;
  const nameRanges = () => {
    for (const label of document.querySelectorAll(".date-label-content")) {
      const found = label.childElementCount ? null : label.textContent.match(RANGE);
      if (!found) continue;
      const [first, after] = found.slice(1).map((day) => new Date(`${day}T00:00:00Z`));
      after.setUTCDate(after.getUTCDate() - 1);
      const days = [first, after].map((day) =>
        day.toLocaleDateString("ru-RU", { timeZone: "UTC" }),
      );
      label.firstChild.nodeValue = [...new Set(days)].join(" – ");
    }
  };

  const complete = () => {
    nameRanges();
    const slug = slugOf(window.location.pathname);
    if (!slug) return;
    const { question, legend } = said(slug);
    addQuestion(question);
    addLegend(legend);
  };

  // A cut cell tells its whole text as a hint.
  document.addEventListener("mouseover", ({ target }) => {
    const cell = target.closest?.(".superset-chart-table td");
    if (cell && cell.scrollWidth > cell.clientWidth) cell.title = cell.innerText;
  });

  new MutationObserver(complete).observe(document.body, {
    childList: true,
    subtree: true,
  });
})();
