// What the pages do beyond plain forms and links. Everything listens on the document, so
// that parts which htmx swaps in need no setting up, but for revealed secrets.
"use strict";

(() => {
  // Theme: system, light or dark, kept in this browser.
  const root = document.documentElement;
  const themes = ["system", "light", "dark"];
  const stored = () => { try { return localStorage.getItem("theme") || "system"; } catch { return "system"; } };
  const apply = (theme) => {
    if (theme === "system") delete root.dataset.theme; else root.dataset.theme = theme;
    document.querySelectorAll("[data-theme-name]").forEach((e) => { e.textContent = theme; });
  };
  apply(stored());
  document.addEventListener("DOMContentLoaded", () => apply(stored()));

  const nextTheme = () => {
    const theme = themes[(themes.indexOf(stored()) + 1) % themes.length];
    try { localStorage.setItem("theme", theme); } catch { /* for this page only, then */ }
    apply(theme);
  };

  // Fields of secrets: show what is being typed.
  const toggleField = (button) => {
    const field = document.getElementById(button.dataset.show);
    const show = field.type === "password";
    field.type = show ? "text" : "password";
    button.textContent = show ? "Hide" : "Show";
    button.setAttribute("aria-pressed", String(show));
  };

  // Revealed secrets: gone after their time, when attention goes elsewhere, and with the page.
  const masks = new WeakMap(); // what stood where a secret is shown now
  const hide = (region) => {
    if (region.hiding) return; // what has the focus loses it when it is removed
    region.hiding = true;
    clearInterval(region.timer);
    const place = region.parentElement;
    region.remove();
    if (place && masks.has(place)) {
      place.innerHTML = masks.get(place);
      if (window.htmx) window.htmx.process(place);
      place.querySelector("button")?.focus();
    } else {
      location.replace(document.querySelector(".crumbs a:last-of-type")?.href || "/dashboard");
    }
  };
  const hideAll = () => document.querySelectorAll("[data-revealed]").forEach(hide);
  const watch = (region) => {
    if (region.timer) return;
    const end = Date.now() + Number(region.dataset.revealed) * 1000;
    region.timer = setInterval(() => {
      const left = Math.ceil((end - Date.now()) / 1000);
      if (left <= 0) hide(region);
      else region.querySelector("[data-countdown]").textContent = left;
    }, 250);
    region.focus();
  };
  const watchAll = () => document.querySelectorAll("[data-revealed]").forEach(watch);
  document.addEventListener("DOMContentLoaded", watchAll);
  document.addEventListener("htmx:beforeSwap", (e) => {
    const place = e.detail.target;
    if (place?.classList.contains("secret-value") && e.detail.xhr.status === 200) masks.set(place, place.innerHTML);
  });
  window.addEventListener("blur", hideAll);
  window.addEventListener("pagehide", hideAll);
  // A generated client key is shown in one answer: no way back brings it again.
  window.addEventListener("pagehide", () => document.querySelectorAll("[data-copyable]").forEach((e) => e.remove()));
  document.addEventListener("visibilitychange", () => { if (document.hidden) hideAll(); });
  document.addEventListener("focusout", (e) => {
    const region = e.target.closest?.("[data-revealed]");
    if (region && !region.contains(e.relatedTarget)) hide(region);
  });

  const copy = async (button) => {
    const text = button.closest("[data-revealed], [data-copyable]").querySelector("[data-secret]").textContent;
    try {
      await navigator.clipboard.writeText(text);
      button.textContent = "Copied";
    } catch {
      button.textContent = "Select and copy it by hand";
    }
  };

  // Dialogs: filled by htmx, closed by Escape, by Cancel and by a click beside them. What
  // has autofocus in them is what changes nothing.
  document.addEventListener("htmx:afterSwap", (e) => {
    const dialog = e.detail.target;
    if (dialog instanceof HTMLDialogElement && dialog.childElementCount && !dialog.open) dialog.showModal();
  });
  const isBeside = (element, { clientX: x, clientY: y }) => {
    const box = element.getBoundingClientRect();
    return x < box.left || x > box.right || y < box.top || y > box.bottom;
  };
  document.addEventListener("htmx:afterSettle", watchAll);

  const tell = (text) => {
    const notice = document.getElementById("notice");
    const line = document.createElement("p");
    line.className = "flash flash-bad";
    line.setAttribute("role", "alert");
    line.textContent = text;
    notice.replaceChildren(line);
  };
  document.addEventListener("htmx:sendError", () => tell("The dashboard cannot be reached. Nothing was changed; try again."));
  document.addEventListener("htmx:timeout", () => tell("The dashboard did not answer in time."));

  document.addEventListener("click", (e) => {
    const target = e.target.closest("[data-theme-toggle], [data-show], [data-hide], [data-copy], [data-close]");
    document.querySelectorAll("details.menu[open]").forEach((menu) => { if (!menu.contains(e.target)) menu.open = false; });
    if (e.target instanceof HTMLDialogElement && isBeside(e.target, e)) e.target.close();
    if (!target) return;
    if (target.matches("[data-theme-toggle]")) nextTheme();
    else if (target.matches("[data-show]")) toggleField(target);
    else if (target.matches("[data-hide]")) hide(target.closest("[data-revealed]"));
    else if (target.matches("[data-copy]")) copy(target);
    else if (target.closest("dialog")) {
      e.preventDefault();
      target.closest("dialog").close();
    }
  });

  // A click anywhere on a list's row opens what it is about, but selecting text does not.
  document.addEventListener("click", (e) => {
    const link = e.target.closest(".rows tbody tr")?.querySelector(".row-link");
    if (!link || e.target.closest("a, button") || !getSelection().isCollapsed) return;
    if (e.ctrlKey || e.metaKey) window.open(link.href, "_blank", "noopener");
    else link.click();
  });

  // Keys: Escape to leave, / to search, and a letter for what a page names as such.
  document.addEventListener("keydown", (e) => {
    if (e.key !== "Escape") return;
    hideAll();
    document.querySelectorAll("details.menu[open]").forEach((menu) => { menu.open = false; menu.querySelector("summary").focus(); });
  });
  document.addEventListener("keypress", (e) => { // which can still keep the character out of the field that gets the focus
    const typing = e.target.closest?.("input, select, textarea, [contenteditable], dialog");
    if (typing || e.ctrlKey || e.metaKey || e.altKey) return;
    const wanted = e.key === "/" ? document.querySelector("[data-search]") : /^[a-z]$/.test(e.key) && document.querySelector(`[data-shortcut="${e.key}"]`);
    if (!wanted) return;
    e.preventDefault();
    if (e.key === "/") { wanted.focus(); wanted.select(); } else wanted.click();
  });
})();
