// The theme, before the page is painted. "auto" follows the system; a choice is kept, where the browser lets it.
"use strict";
(function () {
  const THEMES = ["auto", "light", "dark"];
  const read = () => {
    try {
      const kept = localStorage.getItem("interpmark-theme");
      return THEMES.includes(kept) ? kept : "auto";
    } catch {
      return "auto";
    }
  };
  let theme = read();
  const show = () => {
    if (theme === "auto") delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = theme;
  };
  show();
  document.addEventListener("DOMContentLoaded", () => {
    const button = document.getElementById("theme");
    const label = button.querySelector(".chosen");
    button.hidden = false;
    label.textContent = theme;
    button.addEventListener("click", () => {
      theme = THEMES[(THEMES.indexOf(theme) + 1) % THEMES.length];
      label.textContent = theme;
      try {
        localStorage.setItem("interpmark-theme", theme);
      } catch {
        // A private window: the choice holds for this page.
      }
      show();
      document.dispatchEvent(new CustomEvent("themechange"));
    });
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
      document.dispatchEvent(new CustomEvent("themechange"));
    });
  });
})();
