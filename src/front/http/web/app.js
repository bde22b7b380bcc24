// What the page can do with JavaScript: it follows a query by server-sent events (or asks again and again
// where they do not get through), takes images that are dropped or pasted, copies links, and tells when it is
// done. What it shows is HTML that the server has made: the same as without JavaScript.
"use strict";

const script = document.currentScript;
const root = document.documentElement;
const $ = (id) => document.getElementById(id);
const result = $("result");
const form = $("ask");
const byImage = $("by-image");
const language = root.lang;
const POLL_MS = 3000;
const TICK_MS = 250;
// The picture that the user searches by, as it is kept for this tab: pixels of its longer side.
const OWN_IMAGE_PX = 640;

// The HTML of each part of the result as the server sent it.
const sources = new WeakMap();
let texts = {};
let following = null; // { stop(): void }
let wantsNotice = false;

function remembered(key, storage = localStorage) {
  try { return storage.getItem(key); } catch { return null; }
}

function remember(key, value, storage = localStorage) {
  try { storage.setItem(key, value); } catch { /* private mode, or full: forgotten with the page */ }
}

const t = (key) => texts[key] ?? key;

// ---- Showing what the server sends ---------------------------------------------------------------

/** Puts new content in place part by part: what has not changed keeps its focus, its pictures and what was opened. */
function show(html) {
  const fresh = new DOMParser().parseFromString(`<body>${html}`, "text/html").body;
  const opened = [...result.querySelectorAll("details[open][id]")].map((details) => details.id);
  const focused = focusPath();
  const parts = [...fresh.children].map((part) => {
    const old = part.id && [...result.children].find((child) => child.id === part.id);
    if (old && sources.get(old) === part.outerHTML) return old;
    sources.set(part, part.outerHTML);
    return part;
  });
  for (const old of [...result.children]) if (!parts.includes(old)) old.remove();
  // A part that stays is not moved: that would take the focus from it.
  parts.forEach((part, place) => { if (result.children[place] !== part) result.insertBefore(part, result.children[place] ?? null); });
  for (const id of opened) { const details = $(id); if (details) details.open = true; }
  if (focused && !result.contains(document.activeElement)) refocus(focused);
  dress();
}

/** What has the focus within the result, so that its successor can get it. */
function focusPath() {
  const active = document.activeElement;
  if (!active || active === result || !result.contains(active)) return null;
  const part = [...result.children].find((child) => child.contains(active));
  const place = [...part.querySelectorAll("a, button, summary")].indexOf(active);
  return { part: part.id, href: active.getAttribute("href"), place };
}

function refocus({ part, href, place }) {
  const candidates = [...($(part)?.querySelectorAll("a, button, summary") ?? [])];
  const next = candidates.find((element) => href && element.getAttribute("href") === href) ?? candidates[place];
  (next ?? result).focus({ preventScroll: true });
}

function announce(text) {
  if ($("announce").textContent !== text) $("announce").textContent = text;
}

function note(text) {
  let line = result.querySelector(":scope > .note");
  if (!text) return line?.remove();
  if (!line) {
    line = document.createElement("p");
    line.className = "notice note";
    result.prepend(line);
  }
  line.textContent = text;
}

// ---- Following a query ---------------------------------------------------------------------------

function follow() {
  following?.stop();
  following = null;
  const address = result.dataset.events;
  if (address) listen(address);
  else if (result.dataset.retrySecs) retryLater();
  offerNotice();
}

function listen(address) {
  const events = new EventSource(address);
  let heard = false;
  following = { stop: () => events.close() };
  events.onmessage = (event) => {
    heard = true;
    const { html, title, headline, end, retry_secs: retrySecs } = JSON.parse(event.data);
    document.title = title;
    announce(headline);
    show(html);
    if (!end) return;
    if (!retrySecs) return ended(title);
    unfollow();
    result.dataset.retrySecs = retrySecs;
    retryLater();
  };
  events.onerror = () => {
    // A stream that worked is taken up again by the browser itself; one that never did, or that
    // the browser has given up, is replaced by asking again and again.
    if (heard && events.readyState === EventSource.CONNECTING) return note(t("offline"));
    events.close();
    later(POLL_MS, () => load(location.href));
  };
}

function unfollow() {
  following?.stop();
  following = null;
  delete result.dataset.events;
  result.removeAttribute("aria-busy");
}

function ended(title) {
  unfollow();
  if (wantsNotice && Notification.permission === "granted") {
    try { new Notification(title, { tag: "aotf" }); } catch { /* some phones know them from service workers only */ }
  }
  $("notify").hidden = true;
}

function later(ms, what) {
  const timer = setTimeout(what, ms);
  following = { stop: () => clearTimeout(timer) };
}

/**
 * Waiting helps: counts down, and does what the button does. Only who has sent the form in this tab has it sent again:
 * who only looks looks again.
 */
function retryLater() {
  const due = performance.now() + Number(result.dataset.retrySecs) * 1000;
  const again = $("again")?.querySelector("form");
  const tick = () => {
    const left = Math.ceil((due - performance.now()) / 1000);
    const shown = $("again")?.querySelector("[role=timer]");
    if (shown) shown.textContent = seconds(Math.max(left, 0));
    if (left > 0) return later(TICK_MS, tick);
    if (again?.method !== "post" || !hasAsked()) return load(location.href);
    load("/", { method: "POST", body: new URLSearchParams(new FormData(again)) });
  };
  tick();
}

/** A wait as it is counted down, as the server writes it. */
function seconds(secs) {
  const [minutes, rest] = [Math.floor(secs / 60), secs % 60];
  if (!minutes) return `${rest} s`;
  return rest ? `${minutes} min ${rest} s` : `${minutes} min`;
}

/** The address of an answer that this tab has not asked for begins nothing. */
function hasAsked() {
  const address = shownAddress();
  return address === null || remembered("asked", sessionStorage) === address;
}

const shownAddress = () => new URLSearchParams(location.search).get("url");

for (const place of [form, result]) {
  place.addEventListener("submit", () => remember("asking", "yes", sessionStorage));
}

/** Loads the page anew and takes its result over. */
async function load(address, request = {}) {
  try {
    const response = await fetch(address, { ...request, headers: { Accept: "text/html" } });
    const page = new DOMParser().parseFromString(await response.text(), "text/html");
    const fresh = page.getElementById("result");
    if (!fresh) throw new Error("not this page");
    for (const name of ["data-events", "data-retry-secs", "aria-busy"]) {
      if (fresh.hasAttribute(name)) result.setAttribute(name, fresh.getAttribute(name));
      else result.removeAttribute(name);
    }
    if (response.redirected) history.replaceState(null, "", response.url);
    if (request.method === "POST") remember("asked", shownAddress() ?? "", sessionStorage);
    document.title = page.title;
    announce(page.title.split(" · ")[0]);
    show(fresh.innerHTML);
    follow();
    if (!result.dataset.events && !result.dataset.retrySecs) ended(document.title);
  } catch {
    note(t("offline"));
    later(POLL_MS, () => load(address, request));
  }
}

/** The running step's clock goes on between two answers. */
function duration(ms) {
  const digit = { minimumFractionDigits: 1, maximumFractionDigits: 1 };
  if (ms < 1000) return `${Math.round(ms)} ms`;
  if (ms < 10000) return `${(Math.floor(ms / 100) / 10).toLocaleString(language, digit)} s`;
  if (ms < 60000) return `${Math.floor(ms / 1000)} s`;
  return `${Math.floor(ms / 60000)} min ${Math.floor((ms % 60000) / 1000)} s`;
}

setInterval(() => {
  const time = result.querySelector(".time[data-ms]");
  if (!time || !result.dataset.events) return;
  time.dataset.since ??= performance.now();
  time.textContent = duration(Number(time.dataset.ms) + performance.now() - Number(time.dataset.since));
}, 250);

// ---- What belongs to the parts of a result -------------------------------------------------------

function dress() {
  for (const picture of result.querySelectorAll("img")) picture.onerror = () => picture.remove();
  const own = remembered(ownKey(), sessionStorage);
  for (const figure of result.querySelectorAll(".own")) {
    if (own) { figure.querySelector("img").src = own; figure.hidden = false; }
  }
}

result.addEventListener("toggle", (event) => {
  if (!event.target.open) return;
  for (const picture of event.target.querySelectorAll("img[data-src]")) {
    picture.src = picture.dataset.src;
    picture.hidden = false;
  }
}, true);

result.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-copy]");
  if (!button) return;
  try {
    await navigator.clipboard.writeText(button.dataset.copy);
    button.firstChild.textContent = t("copied");
    announce(t("copied"));
  } catch { /* not allowed: the link is there to be copied by hand */ }
});

// ---- A notice when it is done --------------------------------------------------------------------

function offerNotice() {
  const offer = $("notify");
  const isWaiting = result.dataset.events || result.dataset.retrySecs;
  offer.hidden = !("Notification" in window && isSecureContext && isWaiting);
}

$("notify").querySelector("button").addEventListener("click", async () => {
  const answer = await Notification.requestPermission();
  wantsNotice = answer === "granted";
  $("notify").querySelector("span").textContent = t(wantsNotice ? "notify.on" : "notify.off");
  announce($("notify").querySelector("span").textContent);
});

// ---- Images and links that are dropped or pasted -------------------------------------------------

const mayImage = byImage?.tagName === "FORM";
const ownKey = () => `own ${new URLSearchParams(location.search).get("search") ?? ""}`;

function refuseImage() {
  byImage.hidden = false;
  byImage.scrollIntoView({ block: "nearest" });
}

/** A small copy of the image stays in this tab, to stand beside what is found. */
async function keepOwn(file) {
  try {
    const bitmap = await createImageBitmap(file);
    const scale = Math.min(1, OWN_IMAGE_PX / Math.max(bitmap.width, bitmap.height));
    const canvas = document.createElement("canvas");
    canvas.width = Math.max(1, bitmap.width * scale);
    canvas.height = Math.max(1, bitmap.height * scale);
    const context = canvas.getContext("2d");
    context.fillStyle = "white";
    context.fillRect(0, 0, canvas.width, canvas.height);
    context.drawImage(bitmap, 0, 0, canvas.width, canvas.height);
    remember("own", canvas.toDataURL("image/jpeg", 0.8), sessionStorage);
  } catch { /* the server will say what is wrong with it */ }
}

async function searchFile(file) {
  if (!mayImage) return refuseImage();
  const transfer = new DataTransfer();
  transfer.items.add(file);
  $("file").files = transfer.files;
  await keepOwn(file);
  byImage.submit();
}

function searchAddress(address) {
  if (!mayImage) return refuseImage();
  byImage.elements.url.value = address;
  byImage.submit();
}

function askText(text) {
  $("url").value = text;
  form.requestSubmit();
}

const imageIn = (transfer) => [...(transfer?.files ?? [])].find((file) => file.type.startsWith("image/"));

/** The address of the first picture in dragged or copied HTML. */
function pictureIn(transfer) {
  const html = transfer.getData("text/html");
  const source = html && new DOMParser().parseFromString(html, "text/html").querySelector("img")?.src;
  return source && /^https?:/i.test(source) ? source : null;
}

function take(event) {
  const transfer = event.dataTransfer;
  const file = imageIn(transfer);
  const link = transfer.getData("text/uri-list").split("\n").find((line) => line && !line.startsWith("#"));
  const picture = pictureIn(transfer);
  // A thumbnail that leads to a page: the page tells the artist.
  if (link && link !== picture && !/\.(jpe?g|png|gif|webp|avif)([?#]|$)/i.test(link)) return askText(link);
  if (file) return searchFile(file);
  if (picture ?? link) return searchAddress(picture ?? link);
  const text = transfer.getData("text/plain");
  if (text.trim()) askText(text);
}

document.addEventListener("dragover", (event) => {
  if (event.target === $("url") || event.target.closest?.("input")) return;
  event.preventDefault();
  document.body.classList.add("dropping");
});
document.addEventListener("dragleave", () => document.body.classList.remove("dropping"));
document.addEventListener("drop", (event) => {
  document.body.classList.remove("dropping");
  if (event.target.closest?.("input")) return;
  event.preventDefault();
  take(event);
});
document.addEventListener("paste", (event) => {
  const file = imageIn(event.clipboardData);
  if (file) { event.preventDefault(); searchFile(file); }
});

if (mayImage) {
  $("file").addEventListener("change", () => { if ($("file").files[0]) searchFile($("file").files[0]); });
  byImage.addEventListener("submit", async (event) => {
    event.preventDefault();
    if ($("file").files[0]) await keepOwn($("file").files[0]);
    byImage.submit();
  });
}

// ---- Start ---------------------------------------------------------------------------------------

function offerThemes() {
  const chosen = remembered("theme");
  if (chosen) root.dataset.theme = chosen;
  const dark = matchMedia("(prefers-color-scheme: dark)");
  $("theme").hidden = false;
  $("theme").addEventListener("click", () => {
    const isDark = root.dataset.theme ? root.dataset.theme === "dark" : dark.matches;
    root.dataset.theme = isDark ? "light" : "dark";
    remember("theme", root.dataset.theme);
  });
}

/** Opened by the bookmarklet: whoever clicked it wants the search. What is shared later must not begin one. */
function begin() {
  history.replaceState(null, "", location.pathname + location.search);
  const wantsArtist = new URLSearchParams(location.search).has("artist");
  if ("ready" in result.dataset) form.requestSubmit(wantsArtist ? $("ask-artist") : null);
}

async function start() {
  root.classList.add("js");
  offerThemes();
  const bookmarklet = document.querySelector("a[href^='javascript:']");
  if (bookmarklet) bookmarklet.href = bookmarklet.href.replace(/http:\/\/[^/]*/, location.origin);
  if (remembered("asking", sessionStorage)) {
    sessionStorage.removeItem("asking");
    remember("asked", shownAddress() ?? "", sessionStorage);
  }
  // The image was chosen on the page before.
  const own = remembered("own", sessionStorage);
  if (own && new URLSearchParams(location.search).has("search")) {
    remember(ownKey(), own, sessionStorage);
    sessionStorage.removeItem("own");
  }
  for (const part of result.children) sources.set(part, part.outerHTML);
  dress();
  if (location.hash === "#go") {
    if (document.prerendering) document.addEventListener("prerenderingchange", begin, { once: true });
    else return begin();
  }
  follow();
  try {
    const all = await (await fetch(script.dataset.texts)).json();
    texts = all[language] ?? all.en;
  } catch { /* notices show their keys */ }
}

start();
