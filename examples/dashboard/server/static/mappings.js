// The order of a train's accounts, changed by dragging, by the arrow keys and by the
// buttons: each change is saved at once, one after the other, and the list that comes
// back is the one that is stored. Without htmx the buttons are plain forms.
"use strict";

(() => {
  const place = () => document.getElementById("account-mappings");
  const items = () => [...place().querySelectorAll(".mapping-list .account-item")];
  const itemOf = (id) => items().find((item) => item.dataset.accountId === id);
  const status = () => document.getElementById("mapping-status");
  const say = (text) => { status().textContent = text; };

  // What was said of a change that is saved goes away by itself.
  let fading = 0;
  const fadeAfter = 8000; // milliseconds
  const fade = () => {
    clearTimeout(fading);
    fading = setTimeout(() => say(""), fadeAfter);
  };
  // What went wrong stays, and is where one looks.
  const showProblem = () => {
    say("Not saved");
    const problem = place().querySelector("[data-testid=mapping-problem], #account-problem") ?? document.getElementById("notice");
    problem.scrollIntoView({ block: "nearest" });
  };

  let sortable = null;
  let running = null; // the request that changes the list
  let waiting = []; // moves made meanwhile
  let returnTo = null; // where the keyboard's focus goes if the new list has not what had it

  const save = (order, moved) => {
    const seen = [...place().querySelectorAll("input[name=seen]")].map((field) => field.value);
    const settings = { source: place(), target: place(), swap: "outerHTML", values: { seen, order, moved } };
    window.htmx.ajax("PUT", place().dataset.order, settings).catch(() => { /* said by afterRequest */ });
  };

  const saveMoves = () => {
    const order = items().map((item) => item.dataset.accountId);
    let moved = null;
    waiting.splice(0).forEach(({ id, by }) => {
      const from = order.indexOf(id);
      const to = Math.min(Math.max(from + by, 0), order.length - 1);
      if (from < 0 || from === to) return;
      order.splice(to, 0, ...order.splice(from, 1));
      moved = id;
    });
    if (!moved) return;
    returnTo = () => itemOf(moved)?.querySelector(".drag-handle");
    save(order, moved);
  };

  const move = (id, by) => {
    waiting.push({ id, by });
    if (!running) saveMoves();
  };

  // The drag that is going on. The list keeps up with the pointer as it can; what counts is
  // where the pointer is when it lets go.
  let drag = null; // { before: the order, native: whether the browser does it, cancelled }

  // indexAt is the place in the list that a height in the window is at. What is on its way
  // to a place counts as being there.
  const indexAt = (list, y) => {
    const within = y - list.getBoundingClientRect().top + list.offsetTop;
    const above = [...list.children].filter((item) => item.offsetTop + item.offsetHeight < within).length;
    return Math.min(above, list.children.length - 1);
  };

  const endDrag = (list, item, event) => {
    const { before, native, cancelled } = drag;
    drag = null;
    item.draggable = true;
    const dropped = !cancelled && (native ? event.type === "drop" : ["pointerup", "mouseup", "touchend"].includes(event.type));
    const after = before.filter((other) => other !== item);
    const index = dropped ? indexAt(list, (event.changedTouches?.[0] ?? event).clientY) : before.indexOf(item);
    after.splice(index, 0, item);
    list.append(...after);
    if (index !== before.indexOf(item)) save(after.map((each) => each.dataset.accountId), item.dataset.accountId);
  };

  document.addEventListener("dragstart", () => { if (drag) drag.native = true; });
  document.addEventListener("dragover", (e) => { if (drag) e.preventDefault(); }); // it may be dropped beside the list
  document.addEventListener("keydown", (e) => { if (drag && e.key === "Escape") drag.cancelled = true; });

  const setUp = () => {
    const list = place()?.querySelector(".mapping-list");
    sortable?.destroy();
    sortable = null;
    if (!window.Sortable || !window.htmx || !list?.querySelector(".drag-handle")) return;
    sortable = window.Sortable.create(list, {
      // A finger on the rest of an item scrolls the page.
      handle: matchMedia("(pointer: coarse)").matches ? ".drag-handle" : undefined,
      filter: "button, summary, details",
      preventOnFilter: false,
      animation: matchMedia("(prefers-reduced-motion: reduce)").matches ? 0 : 120,
      ghostClass: "account-ghost",
      fallbackOnBody: true, // what a finger drags is a copy, which is no part of the list
      onStart: (e) => { drag = { before: items(), native: e.originalEvent?.type === "dragstart" }; },
      onEnd: (e) => endDrag(list, e.item, e.originalEvent),
    });
  };

  document.addEventListener("htmx:beforeRequest", (e) => {
    if (e.detail.target?.id !== "account-mappings") return;
    running = e.detail.xhr;
    sortable?.option("disabled", true);
    clearTimeout(fading);
    say("Saving…");
    const item = e.detail.elt.closest(".account-item");
    if (item) {
      const at = items().indexOf(item);
      returnTo = () => items()[Math.min(at, items().length - 1)]?.querySelector(".item-actions :is(button:not(:disabled), summary)");
    } else if (e.detail.elt.closest(".add-account, .matches")) {
      returnTo = () => document.getElementById("account_id");
    }
  });

  document.addEventListener("htmx:afterRequest", (e) => {
    if (e.detail.xhr !== running) return;
    running = null;
    if (e.detail.successful) fade();
    else {
      waiting = [];
      showProblem();
    }
    setUp();
    if (returnTo && document.activeElement === document.body) (returnTo() || document.getElementById("main")).focus({ preventScroll: true });
    returnTo = null;
    saveMoves();
  });

  document.addEventListener("keydown", (e) => {
    const handle = e.target.closest?.(".drag-handle");
    const by = { ArrowUp: -1, ArrowDown: 1 }[e.key];
    if (e.target.id === "account_id" && e.key === "ArrowDown") {
      const match = document.querySelector("#account-matches .match");
      if (match) e.preventDefault();
      match?.focus();
    } else if (handle && by && !e.ctrlKey && !e.metaKey && !e.altKey) {
      e.preventDefault();
      const item = handle.closest(".account-item");
      if (window.htmx) move(item.dataset.accountId, by);
      else item.querySelector(`[data-move="${by}"]`).click();
    }
  });

  document.addEventListener("click", (e) => {
    const button = e.target.closest("[data-move]");
    if (!button || !window.htmx) return;
    e.preventDefault();
    move(button.closest(".account-item").dataset.accountId, Number(button.dataset.move));
  });

  setUp();
})();
