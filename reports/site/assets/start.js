// What a page shows once its data are there.
"use strict";
(() => {
  for (const table of document.querySelectorAll("table.results")) interpmark.enhance(table);
  const data = interpmark.embedded("page-data") ?? interpmark.received("results");
  if (data) {
    interpmark.plots(data);
    const all = document.getElementById("all-results");
    if (all) interpmark.showAll(all, data);
    const matrix = document.getElementById("matrix");
    if (matrix) interpmark.matrix(matrix, data);
  }
  const history = interpmark.received("history");
  if (history) interpmark.trend(history);
  interpmark.follow();
  document.documentElement.dataset.ready = "true";
})();
