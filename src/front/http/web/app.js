// The page with JavaScript: shows each state of a query as it comes (server-sent events, or polling
// where they do not get through), loads nothing from elsewhere until the user asks for images.
"use strict";

const $ = (id) => document.getElementById(id);
const result = $("result");
// Those of a URL that was not encoded are not this page's.
const parameters = new URLSearchParams(location.search.replace(/([?&])url=[a-z][a-z0-9+.-]*:\/\/.*$/i, "$1"));
const POLL_MS = 1500;
const STEPS = [
  ["step.links", ["WAIT_LINK_FINDER", "LINK_FINDER"]],
  ["step.index", ["WAIT_INDEX_ACCOUNTS_TWEETS", "INDEX_ACCOUNTS_TWEETS"]],
  ["step.search", ["WAIT_IMAGE_REVERSE_SEARCH", "IMAGE_REVERSE_SEARCH"]],
];

let texts = {};
let running = null; // { stop(): void } of the query that is followed
let shown = null; // { answer, at } last shown
let ownImage = null; // the address of the image that the user gave
let showImages = remembered("images") === "yes";

const script = document.currentScript;

function remembered(key) {
  try { return localStorage.getItem(key); } catch { return null; }
}

function remember(key, value) {
  try { localStorage.setItem(key, value); } catch { /* private mode: forgotten with the page */ }
}

function t(key, places = {}) {
  return (texts[key] ?? key).replace(/\{(\w+)\}/g, (whole, name) => places[name] ?? whole);
}

/** An element; strings become text, never markup. */
function h(tag, attributes, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes ?? {})) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (value !== null && value !== false) element.setAttribute(name, value);
  }
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}

function duration(ms) {
  if (ms < 1000) return `${Math.round(ms)} ms`;
  if (ms < 60000) return `${(ms / 1000).toFixed(1)} s`;
  return `${Math.floor(ms / 60000)} min ${Math.floor((ms % 60000) / 1000)} s`;
}

const isFinal = (answer) => answer.status === null || answer.status === "END";

// ---- Following a query -------------------------------------------------------------------------

function follow(url) {
  stop();
  result.setAttribute("aria-busy", "true");
  const address = encodeURIComponent(url);
  const query = `?${kept("networks")}url=${address}`;
  const events = new EventSource(`/query/events${query}`);
  let heard = false;
  running = { stop: () => events.close() };
  events.onmessage = (event) => {
    heard = true;
    const answer = JSON.parse(event.data);
    if (isFinal(answer)) stop();
    show(answer);
  };
  events.onerror = () => {
    // A stream that worked is taken up again by the browser itself; one that never did, or that
    // the browser has given up, is replaced by polling.
    if (heard && events.readyState === EventSource.CONNECTING) return note(t("offline"));
    events.close();
    poll(() => fetch(`/query${query}`));
  };
}

/** Asks until the answer is final. */
function poll(ask) {
  stop();
  let timer = 0;
  let stopped = false;
  running = { stop: () => { stopped = true; clearTimeout(timer); } };
  const again = () => { if (!stopped) timer = setTimeout(once, POLL_MS); };
  const once = async () => {
    try {
      const response = await ask();
      if (stopped) return;
      if (response.status === 429) { note(t("limited")); return again(); }
      if (response.status >= 500) { note(t("offline")); return again(); }
      const answer = await response.json();
      if (!response.ok) { stop(); return show(refusal(answer.error)); }
      if (isFinal(answer)) stop(); else again();
      show(answer);
    } catch {
      if (!stopped) { note(t("offline")); again(); }
    }
  };
  once();
}

function stop() {
  running?.stop();
  running = null;
  result.removeAttribute("aria-busy");
}

function refusal(error) {
  return { status: null, error, error_detail: "", accounts: [], posts: [], similar_posts: [], steps: [] };
}

// ---- Showing it --------------------------------------------------------------------------------

function show(answer) {
  const before = shown?.answer;
  shown = { answer, at: performance.now() };
  render();
  const now = headline(answer);
  if (!before || headline(before) !== now) $("announce").textContent = now;
}

function headline(answer) {
  if (answer.error) return `${t("error.title")}: ${t(`error.${answer.error}`)}`;
  if (answer.status === "END") return found(answer.posts.length);
  const step = STEPS.find(([, statuses]) => statuses.includes(answer.status));
  return step ? t(step[0]) : t("working");
}

function found(n) {
  if (n === 0) return t("results.none");
  return t(n === 1 ? "results.one" : "results.many", { n });
}

function note(text) {
  let line = result.querySelector(".note");
  if (!line) { line = h("p", { class: "notice note" }); result.prepend(line); }
  line.textContent = text;
}

function render() {
  if (!shown) return;
  const { answer } = shown;
  const parts = [];
  if (answer.error) parts.push(errorBox(answer));
  if (!isFinal(answer) && answer.has_first_time_scan) parts.push(h("p", { class: "notice" }, t("first_time")));
  const ended = answer.status === "END" && !answer.error;
  if (ended) parts.push(...results(answer), ...similar(answer.similar_posts));
  if (answer.status !== null) parts.push(steps(answer));
  if (answer.accounts.length) parts.push(...accounts(answer.accounts));
  result.replaceChildren(...parts);
}

function errorBox(answer) {
  const detail = answer.error_detail
    ? h("details", null, h("summary", null, answer.error), h("p", null, answer.error_detail))
    : null;
  return h("div", { class: "error", role: "alert" }, h("h2", null, t("error.title")), h("p", null, t(`error.${answer.error}`)), detail);
}

function steps(answer) {
  const list = h("ol", { class: "steps" });
  const millis = (statuses) => answer.steps.filter((step) => statuses.includes(step.step)).reduce((sum, step) => sum + step.ms, 0);
  const last = answer.steps.at(-1)?.step;
  for (const [key, statuses] of STEPS) {
    if (answer.identifier && key !== "step.search") continue; // a search by image has but one step
    const now = statuses.includes(answer.status);
    const was = answer.steps.some((step) => step.step === statuses[1]);
    const failed = answer.error && statuses.includes(last === "END" ? answer.steps.at(-2)?.step : last);
    const state = now ? "now" : failed ? "failed" : was ? "done" : "todo";
    const time = h("span", { class: "time" }, now || was ? duration(millis(statuses)) : "");
    if (now) { time.dataset.base = millis(statuses); time.id = "ticking"; }
    const item = h("li", { class: state, "aria-current": now ? "step" : null }, h("span", { class: "name" }, t(key)), time);
    if (now && answer.waits_for_network) {
      item.append(h("span", { class: "more" }, t("waiting.network")));
    } else if (now && answer.queue_position > 0) {
      const wait = answer.estimated_wait_ms ? ` · ${t("queue.estimate", { time: duration(answer.estimated_wait_ms) })}` : "";
      item.append(h("span", { class: "more" }, t(answer.queue_position === 1 ? "queue.one" : "queue.many", { n: answer.queue_position }) + wait));
    } else if (now && answer.status === statuses[0]) {
      item.append(h("span", { class: "more" }, t("waiting")));
    }
    if (key === "step.index" && answer.posts_listed > 0 && (now || was)) {
      item.append(h("span", { class: "more" }, t("posts", { indexed: number(answer.posts_indexed), listed: number(answer.posts_listed) })));
      if (now) item.append(h("progress", { max: answer.posts_listed, value: answer.posts_indexed, "aria-label": t("step.index") }));
    }
    list.append(item);
  }
  return list;
}

const number = (n) => n.toLocaleString(document.documentElement.lang);

function accounts(list) {
  const items = list.map((account) => {
    const why = account.evidence ? h("span", { class: "why" }, ` · ${t(`evidence.${account.evidence}`)}`) : null;
    const chain = account.chain?.length
      ? h("details", null, h("summary", null, t("chain")), h("ol", null, ...account.chain.map((page) => h("li", null, link(page, page)))))
      : null;
    return h("li", null, link(account.url, `@${account.handle}`), ` · ${t(`network.${account.network}`)}`, why, chain);
  });
  return [h("h2", null, t("accounts.title")), h("ul", { class: "accounts" }, ...items)];
}

/** A link to elsewhere; text only where the address is not one of the web. */
function link(url, text, attributes = {}) {
  if (!/^https?:\/\//i.test(url)) return h("span", null, text);
  return h("a", { href: url, rel: "noreferrer noopener", target: "_blank", ...attributes }, text);
}

function results(answer) {
  const list = answer.posts;
  if (list.length === 0) {
    return [h("div", { class: "none" }, h("h2", null, t("results.none")), h("p", null, t("results.none.hint")))];
  }
  const toggle = h("button", { type: "button", class: "button second", title: t("images.hint"), "aria-pressed": String(showImages), onclick: () => {
    showImages = !showImages;
    remember("images", showImages ? "yes" : "no");
    render();
  } }, t(showImages ? "images.hide" : "images.show"));
  const cards = list.map(card);
  const compared = answer.identifier ? ownImage : answer.image_url;
  if (compared && (showImages || answer.identifier)) {
    // Some hosts show their images on their own pages only: then there is nothing to compare with.
    const artwork = h("li", { class: "card artwork" }, picture(compared, t("artwork")), h("p", { class: "facts" }, t("artwork")));
    artwork.firstChild.addEventListener("error", () => artwork.remove());
    cards.unshift(artwork);
  }
  return [
    h("div", { class: "head" }, h("h2", null, found(list.length)), toggle),
    h("ul", { class: "cards" }, ...cards),
  ];
}

/** What is farther away than a result may be. */
function similar(list) {
  if (list.length === 0) return [];
  return [h("h2", null, t("similar.title")), h("p", null, t("similar.hint")), h("ul", { class: "cards" }, ...list.map(card))];
}

function card(post) {
  const [position, count] = post.image_position.split("/");
  const facts = [t(`network.${post.network}`), t("position", { position, count })];
  if (post.published) facts.splice(1, 0, new Date(post.published).toLocaleDateString(document.documentElement.lang, { dateStyle: "medium" }));
  const copy = navigator.clipboard
    ? h("button", { type: "button", class: "button second", onclick: async (event) => {
        await navigator.clipboard.writeText(post.url);
        event.target.textContent = t("copied");
        $("announce").textContent = t("copied");
      } }, t("copy"))
    : null;
  return h("li", { class: "card" },
    showImages ? picture(post.thumbnail_url, t("position", { position, count })) : null,
    h("p", { class: "verdict" },
      h("span", { class: `tag ${post.class}`, title: t("distance.bits", { n: post.distance }) }, t(`class.${post.class}`)),
      post.variant === "trimmed" ? h("span", { class: "tag" }, t("variant.trimmed")) : null,
      /^(mirrored|turned_|upside_)/.test(post.variant) ? h("span", { class: "tag" }, t("variant.turned")) : null,
      post.earliest && shown.answer.posts.length > 1 ? h("span", { class: "tag" }, t("earliest")) : null),
    post.handle ? h("p", { class: "who" }, `@${post.handle}`) : null,
    h("p", { class: "facts" }, facts.join(" · ")),
    h("div", { class: "actions" }, link(post.url, t("open"), { class: "button" }), copy));
}

function picture(src, alt) {
  return h("img", { src, alt, loading: "lazy", referrerpolicy: "no-referrer", onerror: (event) => event.target.remove() });
}

/** The running step's clock goes on between two answers. */
setInterval(() => {
  const time = $("ticking");
  if (time && shown && running) time.textContent = duration(Number(time.dataset.base) + performance.now() - shown.at);
}, 100);

// ---- The form ----------------------------------------------------------------------------------

/** A parameter of this page, to stand before the URL in the next address; empty where it has none. */
function kept(name) {
  const value = parameters.get(name);
  return value ? `${name}=${encodeURIComponent(value)}&` : "";
}

function ask(url, push) {
  $("url").value = url;
  const address = `/?${kept("lang")}${kept("networks")}url=${encodeURIComponent(url)}`;
  if (push) history.pushState({ url }, "", address);
  const other = $("switch");
  other.href = `/?lang=${other.hreflang}&${kept("networks")}url=${encodeURIComponent(url)}`;
  shown = null;
  result.replaceChildren(h("p", { class: "notice" }, t("working")));
  follow(url);
}

$("ask").addEventListener("submit", (event) => {
  event.preventDefault();
  const url = $("url").value.trim();
  if (url) ask(url, true);
});

window.addEventListener("popstate", () => {
  const url = asked();
  if (url) return ask(url, false);
  stop();
  shown = null;
  $("url").value = "";
  result.replaceChildren();
});

/** The URL of this page's query, read from the field that the server has filled by its own rule. */
function asked() {
  const raw = location.search.slice(1);
  const at = raw.match(/(?:^|&)url=(.*)$/)?.[1] ?? "";
  return /^[a-z][a-z0-9+.-]*:\/\//i.test(at) ? at : (new URLSearchParams(raw).get("url") ?? "").trim();
}

// ---- Search by image, where the server allows it -----------------------------------------------

async function searchImage(file) {
  stop();
  if (ownImage) URL.revokeObjectURL(ownImage);
  ownImage = URL.createObjectURL(file);
  shown = null;
  result.replaceChildren(h("p", { class: "notice" }, t("working")));
  const account = $("account").value.trim().replace(/^@/, "");
  const query = account ? `?account_name=${encodeURIComponent(account)}` : "";
  try {
    const response = await fetch(`/search${query}`, { method: "POST", body: file, headers: { "Content-Type": file.type || "application/octet-stream" } });
    const answer = await response.json();
    if (!response.ok) return show(refusal(answer.error));
    show(answer);
    if (!isFinal(answer)) poll(() => fetch(`/search?identifier=${encodeURIComponent(answer.identifier)}`));
  } catch {
    note(t("offline"));
  }
}

function offerImageSearch() {
  $("by-image").hidden = false;
  $("by-image").addEventListener("submit", (event) => event.preventDefault());
  $("file").addEventListener("change", () => { if ($("file").files[0]) searchImage($("file").files[0]); });
  const dropped = (event) => [...(event.dataTransfer?.files ?? [])].find((file) => file.type.startsWith("image/"));
  document.addEventListener("dragover", (event) => { event.preventDefault(); document.body.classList.add("dropping"); });
  document.addEventListener("dragleave", () => document.body.classList.remove("dropping"));
  document.addEventListener("drop", (event) => {
    event.preventDefault();
    document.body.classList.remove("dropping");
    if (dropped(event)) searchImage(dropped(event));
  });
  document.addEventListener("paste", (event) => {
    const file = [...(event.clipboardData?.files ?? [])].find((item) => item.type.startsWith("image/"));
    if (file) searchImage(file);
  });
}

// ---- Start -------------------------------------------------------------------------------------

function offerThemes() {
  const root = document.documentElement;
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

async function showStats() {
  try {
    const response = await fetch("/stats");
    if (!response.ok) return;
    const stats = await response.json();
    $("stats").textContent = t("stats", {
      posts: number(stats.indexed_tweets_count),
      accounts: number(stats.indexed_accounts_count),
      queries: number(stats.processing_user_requests_count),
    });
  } catch { /* the footer stays as it was */ }
}

async function start() {
  offerThemes();
  const all = await (await fetch(script.dataset.texts)).json();
  texts = all[document.documentElement.lang] ?? all.en;
  const url = asked();
  if (url) ask(url, false); else $("url").focus();
  showStats();
  setInterval(() => { if (!document.hidden) showStats(); }, 15000);
  const config = await (await fetch("/config")).json();
  if (config.ip_can_use_advanced) offerImageSearch();
}

start();
