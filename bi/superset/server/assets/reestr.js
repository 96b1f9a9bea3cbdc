// What a page adds to Superset's frame: beside the title the question that the page
// answers, and hints on cut cells.
(() => {
  "use strict";

  const questions = new Map();
  const slugOf = (path) => (path.match(/\/superset\/dashboard\/([^/]+)/) || [])[1];

  const question = async (slug) => {
    if (!questions.has(slug)) {
      questions.set(slug, "");
      const response = await fetch(`/api/v1/dashboard/${slug}`);
      if (response.ok) {
        const { result } = await response.json();
        questions.set(slug, JSON.parse(result.json_metadata)?.reestr?.question || "");
        addQuestion();
      }
    }
    return questions.get(slug);
  };

  const addQuestion = async () => {
    const panel = document.querySelector(".header-with-actions .title-panel");
    const slug = slugOf(window.location.pathname);
    if (!panel || !slug) return;
    const text = await question(slug);
    let line = panel.querySelector(".r-question");
    if (!text || line?.textContent === text) return;
    if (!line) {
      line = document.createElement("span");
      line.className = "r-question";
      panel.append(line);
    }
    line.textContent = text;
  };

  // A cut cell tells its whole text as a hint.
  document.addEventListener("mouseover", ({ target }) => {
    const cell = target.closest?.(".superset-chart-table td");
    if (cell && cell.scrollWidth > cell.clientWidth) cell.title = cell.innerText;
  });

  new MutationObserver(addQuestion).observe(document.body, {
    childList: true,
    subtree: true,
  });
})();
