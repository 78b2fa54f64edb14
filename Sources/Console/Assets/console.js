// What pages do more with a script: they change by themselves, are steered by keys, and show the candle under the pointer.
// Everything that a page is for works without it.

const policy = globalThis.trustedTypes?.createPolicy("console", { createHTML: (text) => text });
const parse = (text) => {
  const template = document.createElement("template");
  template.innerHTML = policy ? policy.createHTML(text) : text;
  return template.content;
};

// MARK: times

// Of a time's text the shape stays: `12-31 14:05` is shown as such.
const local = (time, utc) => {
  const at = new Date(time.getAttribute("datetime") ?? `${utc.replace(" ", "T")}Z`);
  if (Number.isNaN(at.getTime())) return utc;
  const two = (number) => String(number).padStart(2, "0");
  const whole = `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())} ${two(at.getHours())}:${two(at.getMinutes())}:` +
    `${two(at.getSeconds())}.${String(at.getMilliseconds()).padStart(3, "0")}`;
  const start = /^\d{4}-/.test(utc) ? 0 : /^\d\d-/.test(utc) ? 5 : 11;
  return whole.slice(start, start + utc.length);
};
let isLocal = false;
try { isLocal = localStorage.getItem("clock") === "local"; } catch { /* no storage: times are UTC on each page */ }
const showTimes = (root) => {
  for (const time of root.querySelectorAll("time")) {
    const utc = time.dataset.utc ?? time.textContent;
    if (isLocal) { time.dataset.utc = utc; time.textContent = local(time, utc); } else if (time.dataset.utc) {
      time.textContent = utc;
      delete time.dataset.utc;
    }
  }
};
const clock = document.getElementById("clock");
const showClock = () => {
  if (clock) { clock.hidden = false; clock.textContent = isLocal ? "Show UTC" : "Show local times"; }
  const zone = document.getElementById("zone");
  if (zone) zone.textContent = isLocal ? Intl.DateTimeFormat().resolvedOptions().timeZone : "UTC";
  showTimes(document);
};
const otherClock = () => {
  isLocal = !isLocal;
  try { localStorage.setItem("clock", isLocal ? "local" : "utc"); } catch { /* as above */ }
  showClock();
};
clock?.addEventListener("click", otherClock);
showClock();

// MARK: live blocks

let tag = "";
let isBusy = false;
let isStale = false;

// A block that somebody is using stays as it is.
const isInUse = (block) => {
  const focused = document.activeElement;
  if (focused && block.contains(focused) && focused.matches("input, select, textarea")) return true;
  const selection = getSelection();
  return !!selection && !selection.isCollapsed && block.contains(selection.anchorNode);
};

const replace = (block, fresh) => {
  block.querySelectorAll("details").forEach((details, place) => {
    const same = fresh.querySelectorAll("details")[place];
    if (same && details.open) same.open = true;
  });
  const places = [...block.querySelectorAll(".scroll")].map((box) => box.scrollLeft);
  const focus = block.contains(document.activeElement) ? document.activeElement : null;
  const path = focus?.getAttribute("href");
  const isHere = !!focus?.closest("tr.here");
  block.replaceChildren(...fresh.childNodes);
  block.querySelectorAll(".scroll").forEach((box, place) => { box.scrollLeft = places[place] ?? 0; });
  if (!path) return;
  const link = block.querySelector(`a[href="${CSS.escape(path)}"]`);
  link?.focus({ preventScroll: true });
  if (isHere) link?.closest("tr")?.classList.add("here");
};

const refresh = async () => {
  if (document.hidden) { isStale = true; return; }
  if (isBusy) return;
  isBusy = true;
  try {
    const answer = await fetch(location.href, { headers: { "X-Fragment": "live", "If-None-Match": tag }, cache: "no-store" });
    if (answer.status === 200) {
      if (document.querySelector("[data-failed]")) { location.replace(location.href); return; }
      tag = answer.headers.get("ETag") ?? "";
      const page = parse(await answer.text());
      showTimes(page);
      for (const block of document.querySelectorAll("[data-live]")) {
        const fresh = page.getElementById(block.id);
        if (fresh && fresh.innerHTML !== block.innerHTML && !isInUse(block)) replace(block, fresh);
      }
      watchCandles();
    }
    isStale = false;
  } catch { isStale = true; } finally { isBusy = false; }
};

let stream;
const listen = () => {
  stream?.close();
  stream = new EventSource("/live");
  stream.onmessage = refresh;
  stream.onerror = () => document.documentElement.classList.add("away");
  stream.onopen = () => document.documentElement.classList.remove("away");
};
if (document.querySelector("[data-live]")) {
  listen();
  document.addEventListener("visibilitychange", () => {
    if (document.hidden) { stream?.close(); } else { listen(); if (isStale) refresh(); }
  });
}

// MARK: the candle under the pointer

const watchCandles = () => {
  const chart = document.querySelector(".candles");
  if (!chart || chart.dataset.watched) return;
  chart.dataset.watched = "yes";
  const rows = [...document.querySelectorAll("#live-candles details tbody tr")].reverse();
  const plot = chart.querySelector(".plot");
  const reading = document.getElementById("reading");
  const slots = Number(chart.dataset.slots);
  if (!plot || !reading || !rows.length) return;
  const usual = [...reading.childNodes];
  plot.addEventListener("pointermove", (event) => {
    const box = plot.getBoundingClientRect();
    const slot = Math.floor((event.clientX - box.left) / box.width * slots);
    const row = rows.find((row) => Number(row.dataset.slot) === slot) ?? rows[rows.length - (slots - slot)];
    if (!row) return;
    const cells = [...row.cells].map((cell) => cell.textContent);
    const names = ["", "O ", "H ", "L ", "C ", "V "];
    reading.replaceChildren(...cells.map((text, place) => {
      const span = document.createElement("span");
      span.textContent = names[place] + text;
      return span;
    }));
    const x = (slot + 0.5) / slots * 1000;
    plot.querySelector(".cross")?.setAttribute("d", `M${x} 0V280`);
  });
  plot.addEventListener("pointerleave", () => {
    reading.replaceChildren(...usual);
    plot.querySelector(".cross")?.setAttribute("d", "");
  });
};
watchCandles();

// MARK: theme, copies, keys

const theme = document.getElementById("theme");
const themes = ["auto", "light", "dark"];
const showTheme = (name) => {
  if (name === "auto") delete document.documentElement.dataset.theme; else document.documentElement.dataset.theme = name;
  if (theme) theme.textContent = `Theme: ${name}`;
};
let chosen = "auto";
try { chosen = localStorage.getItem("theme") ?? "auto"; } catch { /* no storage: the theme follows the system */ }
showTheme(themes.includes(chosen) ? chosen : "auto");
const nextTheme = () => {
  chosen = themes[(themes.indexOf(chosen) + 1) % themes.length];
  try { localStorage.setItem("theme", chosen); } catch { /* as above */ }
  showTheme(chosen);
};
if (theme) { theme.hidden = false; theme.addEventListener("click", nextTheme); }

// On plain HTTP from another machine browsers have no clipboard: then the button stays away.
if (navigator.clipboard) document.querySelectorAll(".copy").forEach((button) => { button.hidden = false; });
document.addEventListener("click", async (event) => {
  const button = event.target.closest?.("[data-copy]");
  if (!button) return;
  await navigator.clipboard.writeText(button.dataset.copy);
  button.textContent = "Copied";
  setTimeout(() => { button.textContent = "Copy"; }, 1500);
});

let isGoing = false;
const step = (by) => {
  const rows = [...document.querySelectorAll("main tbody tr")];
  if (!rows.length) return;
  const now = rows.findIndex((row) => row.classList.contains("here"));
  const next = Math.max(0, Math.min(rows.length - 1, now + by));
  rows.forEach((row) => row.classList.remove("here"));
  rows[next].classList.add("here");
  rows[next].scrollIntoView({ block: "nearest" });
  rows[next].querySelector("a")?.focus({ preventScroll: true });
};
document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.target.matches?.("input, select, textarea")) {
    if (event.key === "Escape") event.target.blur();
    return;
  }
  if (isGoing) {
    isGoing = false;
    const link = document.querySelector(`nav a[data-key="${CSS.escape(event.key)}"]`);
    if (link) { event.preventDefault(); location.href = link.href; }
    return;
  }
  switch (event.key) {
    case "g": isGoing = true; break;
    case "/": { const field = document.querySelector("main input:not([type=hidden])"); if (field) { event.preventDefault(); field.focus(); } break; }
    case "j": step(1); break;
    case "k": step(-1); break;
    case "t": nextTheme(); break;
    case "u": otherClock(); break;
    case "?": location.href = "/help"; break;
    default: break;
  }
});
