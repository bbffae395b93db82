/* The only script of our own. Every page works without it; htmx does the rest. */
(function () {
  "use strict";
  var root = document.documentElement;

  function keep(name, value) {
    document.cookie = name + "=" + encodeURIComponent(value) + "; path=/console; max-age=31536000; samesite=lax";
  }
  function kept(name) {
    var found = document.cookie.split("; ").find(function (part) { return part.startsWith(name + "="); });
    return found ? decodeURIComponent(found.slice(name.length + 1)) : null;
  }

  /* The server writes times in the reader's zone, which only the browser knows: from the second page on. */
  if (!kept("puente_zone")) keep("puente_zone", Intl.DateTimeFormat().resolvedOptions().timeZone);

  document.addEventListener("click", function (event) {
    var target = event.target.closest("[data-theme-switch], [data-copy]");
    if (!target) return;
    if (target.hasAttribute("data-theme-switch")) {
      var dark = root.dataset.theme
        ? root.dataset.theme === "dark"
        : matchMedia("(prefers-color-scheme: dark)").matches;
      root.dataset.theme = dark ? "light" : "dark";
      keep("puente_theme", root.dataset.theme);
      return;
    }
    var source = document.getElementById(target.dataset.copy);
    if (source && navigator.clipboard) {
      navigator.clipboard.writeText(source.textContent.trim()).then(function () {
        target.querySelector("[role=status]").textContent = target.dataset.copied;
      });
    }
  });

  /* Escape closes the menu and gives the focus back; so does a click elsewhere. */
  document.addEventListener("keydown", function (event) {
    if (event.key !== "Escape") return;
    var open = document.querySelector("details.menu[open]");
    if (open) { open.open = false; open.querySelector("summary").focus(); }
  });
  document.addEventListener("click", function (event) {
    var open = document.querySelector("details.menu[open]");
    if (open && !open.contains(event.target)) open.open = false;
  });

  /* A part that renews itself keeps what has the focus in it and what somebody has opened: the same one of what looks alike. */
  function alike(part, element) {
    return Array.from(part.querySelectorAll(element.tagName)).filter(function (other) {
      return other.getAttribute("href") === element.getAttribute("href") && other.getAttribute("name") === element.getAttribute("name")
        && (other.hasAttribute("href") || other.textContent === element.textContent);
    });
  }
  var focused = null, opened = [];
  document.addEventListener("htmx:beforeSwap", function (event) {
    var part = event.detail.target, active = document.activeElement;
    if (part.id !== "live") return;
    focused = part.contains(active) ? { element: active, place: alike(part, active).indexOf(active) } : null;
    opened = Array.from(part.querySelectorAll("details")).map(function (one) { return one.open; });
  });
  document.addEventListener("htmx:afterSwap", function () {
    var part = document.getElementById("live");
    if (!part) return;
    part.querySelectorAll("details").forEach(function (one, place) { if (opened[place]) one.open = true; });
    var found = focused && alike(part, focused.element)[focused.place];
    if (found) found.focus({ preventScroll: true });
    focused = null;
    opened = [];
  });

  /* Single keys only for those who switched them on (WCAG 2.1.4): "/" searches. */
  document.addEventListener("keydown", function (event) {
    if (event.key !== "/" || kept("puente_keys") !== "on") return;
    if (/^(INPUT|TEXTAREA|SELECT)$/.test(document.activeElement.tagName)) return;
    event.preventDefault();
    document.getElementById("search").focus();
  });
})();
