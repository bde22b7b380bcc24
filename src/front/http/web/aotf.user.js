// ==UserScript==
// @name         Artists on Twitter Finder
// @namespace    http://127.0.0.1:3301
// @version      1.0.0
// @description  On the page of an artwork: where did its artist post it? Asks your own server, and only when you press the button.
// @description:fr Sur la page d'une illustration : où son artiste l'a-t-il publiée ? Interroge votre propre serveur, et seulement quand vous appuyez sur le bouton.
// @license      AGPL-3.0-or-later
// @updateURL    http://127.0.0.1:3301/aotf.user.js
// @downloadURL  http://127.0.0.1:3301/aotf.user.js
// @connect      127.0.0.1
// @match        https://*.artstation.com/*
// @match        https://booth.pm/*
// @match        https://*.booth.pm/*
// @match        https://cara.app/*
// @match        https://danbooru.donmai.us/*
// @match        https://aibooru.online/*
// @match        https://www.deviantart.com/*
// @match        https://e621.net/*
// @match        https://e926.net/*
// @match        https://fantia.jp/*
// @match        https://www.furaffinity.net/*
// @match        https://sfw.furaffinity.net/*
// @match        https://gelbooru.com/*
// @match        https://safebooru.org/*
// @match        https://rule34.xxx/*
// @match        https://xbooru.com/*
// @match        https://hypnohub.net/*
// @match        https://realbooru.com/*
// @match        https://tbib.org/*
// @match        https://www.hentai-foundry.com/*
// @match        https://inkbunny.net/*
// @match        https://itaku.ee/*
// @match        https://yande.re/*
// @match        https://konachan.com/*
// @match        https://konachan.net/*
// @match        https://www.sakugabooru.com/*
// @match        https://lolibooru.moe/*
// @match        https://www.newgrounds.com/*
// @match        https://seiga.nicovideo.jp/*
// @match        https://sp.seiga.nicovideo.jp/*
// @match        https://nijie.info/*
// @match        https://sp.nijie.info/*
// @match        https://derpibooru.org/*
// @match        https://trixiebooru.org/*
// @match        https://furbooru.org/*
// @match        https://ponybooru.org/*
// @match        https://manebooru.art/*
// @match        https://ponerpics.org/*
// @match        https://tantabus.ai/*
// @match        https://www.pixiv.net/*
// @match        https://poipiku.com/*
// @match        https://sofurry.com/*
// @match        https://toyhou.se/*
// @match        https://twibooru.org/*
// @match        https://www.weasyl.com/*
// @match        https://xfolio.jp/*
// @match        https://www.zerochan.net/*
// @grant        GM_xmlhttpRequest
// @grant        GM_getValue
// @grant        GM_setValue
// @grant        GM_registerMenuCommand
// @grant        GM_setClipboard
// @grant        GM.xmlHttpRequest
// @grant        GM.getValue
// @grant        GM.setValue
// @grant        GM.registerMenuCommand
// @grant        GM.setClipboard
// @sandbox      DOM
// @inject-into  content
// @run-at       document-idle
// @noframes
// ==/UserScript==

// A button on the pages of artworks. Nothing is asked before it is pressed, and then of one server only: the
// one that this file came from, or the one that its user has set in the script manager's menu.
//
// The page is a stranger. `@sandbox` and `@inject-into` keep this file out of the page's own scripts, so that
// what the page has made of `Array` or `document.createElement` is not what runs here. What is shown stands in
// a closed shadow root and is made of elements and texts, never of markup. Nothing is typed into the page,
// where its listeners hear every key: the key of the server is asked for in a dialog of the browser's.
(() => {
    "use strict";

    const OWN_SERVER = "http://127.0.0.1:3301";

    // The pages of artworks: `#` is a number, `*` something within one part of the path, `/**` whatever may
    // follow, and behind `?` stand parameters that must be there. The sites are matched whole, since many
    // change the address without loading a page; here it is told where the button shows.
    const PAGES = [
        "*.artstation.com/artwork/*",
        "*.artstation.com/projects/*",
        "booth.pm/items/#",
        "booth.pm/*/items/#",
        "*.booth.pm/items/#",
        "cara.app/post/*",
        "danbooru.donmai.us/posts/#",
        "aibooru.online/posts/#",
        "www.deviantart.com/*/art/*",
        "www.deviantart.com/art/*",
        "www.deviantart.com/deviation/#",
        "e621.net/posts/#",
        "e926.net/posts/#",
        "fantia.jp/posts/#",
        "fantia.jp/products/#",
        "www.furaffinity.net/view/#",
        "www.furaffinity.net/full/#",
        "sfw.furaffinity.net/view/#",
        "gelbooru.com/index.php?page=post&s=view&id=#",
        "safebooru.org/index.php?page=post&s=view&id=#",
        "rule34.xxx/index.php?page=post&s=view&id=#",
        "xbooru.com/index.php?page=post&s=view&id=#",
        "hypnohub.net/index.php?page=post&s=view&id=#",
        "realbooru.com/index.php?page=post&s=view&id=#",
        "tbib.org/index.php?page=post&s=view&id=#",
        "www.hentai-foundry.com/pictures/user/*/#/**",
        "inkbunny.net/s/#",
        "inkbunny.net/s/#-p#-",
        "itaku.ee/images/#",
        "itaku.ee/posts/#",
        "yande.re/post/show/#/**",
        "konachan.com/post/show/#/**",
        "konachan.net/post/show/#/**",
        "www.sakugabooru.com/post/show/#/**",
        "lolibooru.moe/post/show/#/**",
        "www.newgrounds.com/art/view/*/*",
        "seiga.nicovideo.jp/seiga/im#",
        "sp.seiga.nicovideo.jp/seiga/im#",
        "nijie.info/view.php?id=#",
        "nijie.info/view_popup.php?id=#",
        "sp.nijie.info/view.php?id=#",
        "derpibooru.org/images/#",
        "derpibooru.org/#",
        "trixiebooru.org/images/#",
        "furbooru.org/images/#",
        "ponybooru.org/images/#",
        "manebooru.art/images/#",
        "ponerpics.org/images/#",
        "tantabus.ai/images/#",
        "www.pixiv.net/artworks/#",
        "www.pixiv.net/*/artworks/#",
        "poipiku.com/#/#.html",
        "sofurry.com/s/*",
        "toyhou.se/~images/#",
        "toyhou.se/#.*/#",
        "toyhou.se/#.*/*/#",
        "twibooru.org/#",
        "www.weasyl.com/submission/#/**",
        "www.weasyl.com/view/#/**",
        "www.weasyl.com/~*/submissions/#/**",
        "xfolio.jp/portfolio/*/works/#",
        "xfolio.jp/*/portfolio/*/works/#",
        "www.zerochan.net/#",
    ].map((pattern) => {
        const [path, parameters = ""] = pattern.split("?");
        const stands = { "#": "[0-9]+", "*": "[^/]+", "/**": "(?:/.*)?" };
        const parts = path.split(/(\/\*\*|[#*])/).map((part) => stands[part] ?? part.replace(/[.~-]/g, "\\$&"));
        return {
            path: new RegExp(`^${parts.join("")}/?$`),
            parameters: parameters.split("&").filter(Boolean).map((pair) => pair.split("=")),
        };
    });

    /** The address of the artwork whose page this is, without what else stands in it; `null` elsewhere. */
    function workAt(page) {
        const found = new URLSearchParams(page.search);
        const fits = ([name, value]) =>
            value === "#" ? /^[0-9]+$/.test(found.get(name) ?? "") : found.get(name) === value;
        const known = PAGES.find(
            ({ path, parameters }) => path.test(page.hostname + page.pathname) && parameters.every(fits),
        );
        if (!known) return null;
        const parameters = known.parameters.map(([name]) => `${name}=${found.get(name)}`).join("&");
        return `https://${page.hostname}${page.pathname}${parameters && `?${parameters}`}`;
    }

    const TEXTS = {
        en: {
            button: "Find the artist's post",
            panel: "The artist's posts",
            close: "Close",
            again: "Try again",
            asking: "Asking the server…",
            links: "Looking for the artist's accounts…",
            index: "Looking through the artist's posts…",
            search: "Comparing the pictures…",
            waits: "The server has lost its network, and goes on when it is back.",
            queue: (n) => `Requests before this one: ${n}`,
            indexed: (indexed, listed) => `Posts looked through: ${indexed} of ${listed}`,
            found: (n) => (n === 1 ? "Found: 1 post" : `Found: ${n} posts`),
            none: "No post with this picture was found.",
            artist: "The artist's accounts",
            elsewhere: "The artist's other pages",
            similar: "Less alike",
            named: "Named by the page, reposts perhaps",
            classes: { identical: "identical", recompressed: "recompressed", edited_or_variant: "edited or variant", inside_another: "inside another", part_in_common: "part in common" },
            copy: "Copy the credit",
            copied: "Copied.",
            later: "The search goes on: try again in a moment.",
            details: "All of it, on the server's page",
            tab: "opens in a new tab",
            silent: (server) => `The server ${server} does not answer. Is it running, and may this script connect to it?`,
            garbled: (server) => `What ${server} answered cannot be read. Is it the right address?`,
            given_up: "The search takes long. It goes on at the server: ask again later.",
            menu_server: "Address of the server",
            menu_key: "API key",
            ask_server: (own) => `Address of the server that is asked. Leave it empty for ${own}, where this script came from.`,
            bad_server: "This is no address of a server: https://aotf.example.org or http://127.0.0.1:3301 would be one.",
            ask_key: (server) => `API key for ${server}, which alone it is sent to. Leave it empty to ask without one.`,
            bad_key: "A key is made of letters, digits and signs, without spaces.",
        },
        fr: {
            button: "Trouver la publication de l'artiste",
            panel: "Les publications de l'artiste",
            close: "Fermer",
            again: "Réessayer",
            asking: "Le serveur est interrogé…",
            links: "Recherche des comptes de l'artiste…",
            index: "Lecture des publications de l'artiste…",
            search: "Comparaison des images…",
            waits: "Le serveur n'a plus de réseau, et continuera à son retour.",
            queue: (n) => `Requêtes avant celle-ci\u00a0: ${n}`,
            indexed: (indexed, listed) => `Publications lues\u00a0: ${indexed} sur ${listed}`,
            found: (n) => (n < 2 ? `Trouvé\u00a0: ${n} publication` : `Trouvé\u00a0: ${n} publications`),
            none: "Aucune publication avec cette image n'a été trouvée.",
            artist: "Les comptes de l'artiste",
            elsewhere: "Les autres pages de l'artiste",
            similar: "Moins ressemblantes",
            named: "Nommées par la page, peut-être des reprises",
            classes: { identical: "identique", recompressed: "recompressée", edited_or_variant: "retouchée ou variante", inside_another: "dans une autre", part_in_common: "partie commune" },
            copy: "Copier le crédit",
            copied: "Copié.",
            later: "La recherche continue\u00a0: réessayez dans un instant.",
            details: "Tout voir, sur la page du serveur",
            tab: "s'ouvre dans un nouvel onglet",
            silent: (server) => `Le serveur ${server} ne répond pas. Est-il démarré, et ce script peut-il s'y connecter\u00a0?`,
            garbled: (server) => `La réponse de ${server} est illisible. Est-ce la bonne adresse\u00a0?`,
            given_up: "La recherche est longue. Elle continue sur le serveur\u00a0: redemandez plus tard.",
            menu_server: "Adresse du serveur",
            menu_key: "Clé d'API",
            ask_server: (own) => `Adresse du serveur interrogé. Laissez vide pour ${own}, d'où vient ce script.`,
            bad_server: "Ce n'est pas l'adresse d'un serveur\u00a0: ce serait par exemple https://aotf.example.org ou http://127.0.0.1:3301.",
            ask_key: (server) => `Clé d'API pour ${server}, le seul à qui elle est envoyée. Laissez vide pour demander sans clé.`,
            bad_key: "Une clé est faite de lettres, de chiffres et de signes, sans espaces.",
        },
    };
    const LANGUAGE = /^fr\b/i.test(navigator.language) ? "fr" : "en";
    const text = TEXTS[LANGUAGE];
    /** What a table has under a name that came from elsewhere. */
    const of = (table, name) => (Object.hasOwn(table, name) ? table[name] : null);
    const NETWORKS = { twitter: "X", bluesky: "Bluesky", mastodon: "Mastodon", misskey: "Misskey" };
    const STEPS = { LINK_FINDER: text.links, INDEX_ACCOUNTS_TWEETS: text.index, IMAGE_REVERSE_SEARCH: text.search };

    // --- The script manager. Greasemonkey has `GM.` alone; the others have both, and only `GM_` of the first
    // kind gives a request that can be ended. ---

    const menu = (label, action) =>
        typeof GM_registerMenuCommand === "function"
            ? GM_registerMenuCommand(label, action)
            : GM.registerMenuCommand?.(label, action);
    const stored = async (name) =>
        (typeof GM_getValue === "function" ? GM_getValue(name, "") : await GM.getValue(name, "")) || "";
    const store = async (name, value) =>
        typeof GM_setValue === "function" ? GM_setValue(name, value) : GM.setValue(name, value);
    const copy = (words) =>
        typeof GM_setClipboard === "function" ? GM_setClipboard(words, "text") : GM.setClipboard(words);
    const send = (request) =>
        typeof GM_xmlhttpRequest === "function" ? GM_xmlhttpRequest(request) : GM.xmlHttpRequest(request);

    /** The origin of an address; `null` where it is none. */
    function originOf(address) {
        try {
            const { protocol, origin } = new URL(address);
            return protocol === "http:" || protocol === "https:" ? origin : null;
        } catch {
            return null;
        }
    }

    const server = async () => originOf(await stored("server")) ?? OWN_SERVER;
    /** Keys are kept with the server that they are for: another one is never sent them. */
    const keyName = (origin) => `key ${origin}`;

    menu(text.menu_server, async () => {
        const typed = prompt(text.ask_server(OWN_SERVER), await server());
        if (typed === null) return;
        const origin = typed.trim() === "" ? OWN_SERVER : originOf(typed.trim());
        if (!origin) return alert(text.bad_server);
        await store("server", origin);
        leave();
        follow();
    });
    menu(text.menu_key, async () => {
        const origin = await server();
        const typed = prompt(text.ask_key(origin), "");
        if (typed === null) return;
        if (!/^[\x21-\x7e]{0,500}$/.test(typed.trim())) return alert(text.bad_key);
        await store(keyName(origin), typed.trim());
    });

    const TIMEOUT_MS = 30_000;
    const MAX_ANSWER_CHARS = 2_000_000;

    /** Asks the server: its status and words, or `null` where none came. `signal` ends it. */
    async function ask(path, signal, { withKey = true } = {}) {
        const origin = await server();
        const key = withKey && (await stored(keyName(origin)));
        // The first header says that no page sent this: pages may not send it to other sites unasked.
        const headers = { "X-AOTF-Userscript": "1" };
        if (key) headers.Authorization = `Bearer ${key}`;
        const answer = await new Promise((settle) => {
            if (signal.aborted) return settle(null);
            const none = () => settle(null);
            const sent = send({
                method: "GET",
                url: origin + path,
                headers,
                anonymous: true,
                redirect: "error",
                timeout: TIMEOUT_MS,
                onload: settle,
                onerror: none,
                ontimeout: none,
                onabort: none,
            });
            signal.addEventListener("abort", () => {
                sent?.abort?.();
                settle(null);
            });
        });
        if (!answer?.status) return null;
        const wait = /^retry-after:\s*([0-9]{1,4})\s*$/im.exec(answer.responseHeaders ?? "");
        return {
            origin,
            status: answer.status,
            words: String(answer.responseText ?? "").slice(0, MAX_ANSWER_CHARS),
            waitSeconds: wait ? Number(wait[1]) : null,
        };
    }

    /** An object of JSON; `null` where it is none. */
    function read(words) {
        try {
            const value = JSON.parse(words);
            return typeof value === "object" ? value : null;
        } catch {
            return null;
        }
    }

    /** Waits; ends at once with the signal. While nobody looks at the page it waits longer. */
    const pause = (seconds, signal) =>
        new Promise((settle) => {
            const timer = setTimeout(settle, 1000 * (document.hidden ? Math.max(seconds, 15) : seconds));
            signal.addEventListener("abort", () => {
                clearTimeout(timer);
                settle();
            });
        });

    const MAX_MINUTES = 60;

    /** Asks about the artwork until its query has ended, and shows each answer. */
    async function search(work, signal) {
        const path = `/query?url=${encodeURIComponent(work)}`;
        const begun = Date.now();
        panel.say(text.asking);
        for (let asked = 1; !signal.aborted; asked += 1) {
            const reply = await ask(path, signal);
            if (signal.aborted) return;
            const origin = reply?.origin ?? (await server());
            const answer = reply && read(reply.words);
            if (!reply) return panel.fail(text.silent(origin));
            if (!answer) return panel.fail(text.garbled(origin));
            if (reply.status !== 200) {
                const words = await inWords(answer, signal);
                if (signal.aborted) return;
                // Whoever asked too often, or of a server that is busy, asks again by itself.
                if (reply.status !== 429 && reply.status !== 503) return panel.fail(words);
                panel.say(words);
            } else {
                const isOver = answer.status === "END" || answer.status === null;
                const failure = isOver && answer.error ? await inWords(answer, signal) : null;
                if (signal.aborted) return;
                panel.show(answer, { work, origin, isOver, failure });
                if (isOver) return;
            }
            if (Date.now() - begun > MAX_MINUTES * 60_000) return panel.fail(text.given_up);
            // Once a second is what the server allows; a long search is asked for more seldom.
            await pause(reply.waitSeconds ?? Math.min(1 + asked / 10, 5), signal);
        }
    }

    /** What each code of the server means in French; asked for once. */
    let meanings = null;

    /** What went wrong, in the server's words. They are English; what a code means, it says in French too. */
    async function inWords(answer, signal) {
        const detail = String(answer.error_detail || answer.error || "");
        if (LANGUAGE === "en") return detail;
        if (!meanings) {
            // Without the key, which may be what is wrong.
            const reply = await ask("/errors", signal, { withKey: false });
            const codes = reply?.status === 200 ? read(reply.words) : null;
            if (Array.isArray(codes)) meanings = new Map(codes.map((known) => [known?.code, known?.meaning?.fr]));
        }
        const meaning = meanings?.get(answer.error);
        return meaning ? `${meaning} (${detail})` : detail;
    }

    // --- What is shown. Styles are set on the elements: a page's policy may forbid style sheets. ---

    const isDark = matchMedia("(prefers-color-scheme: dark)").matches;
    const INK = isDark ? "#f2f2f2" : "#1a1a1a";
    const PAPER = isDark ? "#202226" : "#ffffff";
    const LINE = isDark ? "#6b7078" : "#8a8f98";
    const LINK = isDark ? "#9ecbff" : "#0b57d0";
    const BUTTON = {
        font: "600 14px/1.3 system-ui, sans-serif",
        color: "#ffffff",
        background: "#0b57d0",
        border: "1px solid #ffffff",
        "border-radius": "8px",
        padding: "9px 14px",
        cursor: "pointer",
    };

    /** An element with styles, attributes and what it holds: texts and elements. */
    function make(tag, styles = {}, attributes = {}, ...content) {
        const element = document.createElement(tag);
        for (const [name, value] of Object.entries(styles)) element.style.setProperty(name, value);
        for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
        element.append(...content.filter((part) => part !== null));
        return element;
    }

    /** A link to an address of the web; the bare words where it is none. */
    function link(address, words) {
        if (!originOf(address)) return document.createTextNode(words);
        return make(
            "a",
            { color: LINK, "overflow-wrap": "anywhere" },
            { href: address, target: "_blank", rel: "noopener noreferrer", title: `${address} (${text.tab})` },
            words,
        );
    }

    const HEADING = { font: "600 15px/1.3 system-ui, sans-serif", margin: "12px 0 4px" };
    const heading = (words) => make("h2", HEADING, {}, words);
    const line = (...content) => make("p", { margin: "4px 0" }, {}, ...content);
    const list = (entries) => {
        const items = entries.map((entry) => make("li", { margin: "3px 0" }, {}, ...entry));
        return make("ul", { margin: "4px 0", padding: "0 0 0 20px" }, {}, ...items);
    };

    const MAX_ENTRIES = 20;
    /** As many entries of a list as are shown; none where there is no list. */
    const some = (entries) => (Array.isArray(entries) ? entries.slice(0, MAX_ENTRIES) : []);

    /** The name of an account: a bare id says nothing to people. */
    function nameOf(account) {
        const network = of(NETWORKS, account.network) ?? String(account.network ?? "");
        return account.handle ? `@${account.handle} (${network})` : network;
    }

    function postEntry(post) {
        const published = new Date(post.published ?? NaN);
        const form = { dateStyle: "medium", timeZone: "UTC" };
        const day = isNaN(published) ? "" : published.toLocaleDateString(LANGUAGE, form);
        const facts = [of(text.classes, post.class), day].filter(Boolean).join(", ");
        return [link(post.url, nameOf(post)), make("bdi", {}, {}, facts && ` – ${facts}`)];
    }

    const panel = (() => {
        // In the page's own tree stands one element, without anything of what is shown.
        const host = make("div", {});
        const root = host.attachShadow({ mode: "closed" });
        const status = make("p", { margin: "4px 0" }, { role: "status", "aria-live": "polite" });
        const result = make("div");
        const close = make(
            "button",
            {
                ...BUTTON,
                padding: "2px 9px",
                background: "transparent",
                color: INK,
                "border-color": LINE,
                float: "right",
            },
            { type: "button", "aria-label": text.close },
            "×",
        );
        const box = make(
            "section",
            {
                display: "none",
                "box-sizing": "border-box",
                width: "min(380px, calc(100vw - 24px))",
                "max-height": "min(560px, calc(100vh - 90px))",
                overflow: "auto",
                "margin-bottom": "8px",
                padding: "10px 14px",
                font: "14px/1.45 system-ui, sans-serif",
                color: INK,
                background: PAPER,
                border: `1px solid ${LINE}`,
                "border-radius": "10px",
                "box-shadow": "0 4px 18px rgb(0 0 0 / 35%)",
                "text-align": "start",
                // A page's scripts may read what is selected.
                "user-select": "none",
            },
            { role: "dialog", "aria-label": text.panel, lang: LANGUAGE },
            close,
            status,
            result,
        );
        const button = make(
            "button",
            { ...BUTTON, float: "right" },
            { type: "button", "aria-expanded": "false", lang: LANGUAGE },
            text.button,
        );
        root.append(box, button);
        for (const [name, value] of Object.entries({
            all: "initial",
            position: "fixed",
            right: "12px",
            bottom: "12px",
            "z-index": "2147483647",
            display: "none",
        })) {
            host.style.setProperty(name, value, "important");
        }

        let running = null;
        let work = null;
        const stop = () => {
            running?.abort();
            running = null;
        };
        const open = () => {
            stop();
            running = new AbortController();
            result.replaceChildren();
            box.style.setProperty("display", "block");
            button.setAttribute("aria-expanded", "true");
            search(work, running.signal);
        };
        const shut = () => {
            stop();
            box.style.setProperty("display", "none");
            button.setAttribute("aria-expanded", "false");
        };
        // Only a person presses it, who sees it: events that scripts make are not trusted, and a page may lay it
        // under a pointer unseen.
        const isSeen = () => host.checkVisibility?.({ opacityProperty: true, visibilityProperty: true }) ?? true;
        const pressed = (element, action) =>
            element.addEventListener("click", (event) => event.isTrusted && isSeen() && action());
        pressed(button, () => (button.getAttribute("aria-expanded") === "true" ? shut() : open()));
        pressed(close, () => {
            shut();
            button.focus();
        });
        // Many sites do something at single keys.
        for (const kind of ["keypress", "keyup"]) root.addEventListener(kind, (event) => event.stopPropagation());
        root.addEventListener("keydown", (event) => {
            event.stopPropagation();
            if (event.key === "Escape" && box.style.display !== "none") {
                shut();
                button.focus();
            }
        });

        const SMALL = { ...BUTTON, padding: "5px 10px", margin: "8px 8px 2px 0" };
        const smallButton = (words) => make("button", SMALL, { type: "button" }, words);

        function againButton() {
            const again = smallButton(text.again);
            pressed(again, open);
            return again;
        }

        function copyButton(asked) {
            const copies = smallButton(text.copy);
            pressed(copies, async () => {
                const { signal } = running ?? new AbortController();
                const path = `/credit?lang=${LANGUAGE}&url=${encodeURIComponent(asked.work)}`;
                let reply = await ask(path, signal);
                // The answer was asked for a moment ago, which counts too.
                for (let tries = 1; tries < 4 && reply?.status === 429; tries += 1) {
                    await pause(reply.waitSeconds ?? 1, signal);
                    reply = await ask(path, signal);
                }
                if (signal.aborted) return;
                if (reply?.status === 200) {
                    await copy(reply.words.trim());
                    return panel.say(text.copied);
                }
                if (reply?.status === 202) return panel.say(text.later);
                const refused = reply && read(reply.words);
                panel.say(refused ? await inWords(refused, signal) : text.silent(asked.origin));
            });
            return copies;
        }

        return {
            /** The button for this artwork, or none. */
            offer(address) {
                shut();
                work = address;
                host.style.setProperty("display", address ? "block" : "none", "important");
                panel.stay();
            },
            isFor: (address) => work === address,
            /** Pages that draw themselves anew may have taken it out. Not within `body`, which they own. */
            stay() {
                if (work && !host.isConnected) document.documentElement.append(host);
            },
            say(words) {
                if (status.textContent !== words) status.textContent = words;
            },
            fail(words) {
                panel.say(words);
                result.append(againButton());
            },
            show(answer, asked) {
                const posts = some(answer.posts);
                const accounts = some(answer.accounts);
                const parts = [];
                const part = (title, entries) => entries.length > 0 && parts.push(heading(title), list(entries));
                parts.push(list(posts.map(postEntry)));
                if (posts.length === 0) part(text.similar, some(answer.similar_posts).map(postEntry));
                part(text.named, some(answer.named_posts).map(postEntry));
                if (posts.length === 0) {
                    // Who made it is an answer too.
                    const elsewhere = some(answer.elsewhere);
                    part(text.artist, accounts.map((account) => [link(account.url, nameOf(account))]));
                    part(text.elsewhere, elsewhere.map((page) => [link(page.url, String(page.site ?? ""))]));
                }
                if (asked.isOver && posts.length + accounts.length + some(answer.elsewhere).length > 0) {
                    parts.push(copyButton(asked));
                }
                if (answer.status === null) {
                    // What was not accepted may be later: when an earlier search has ended, say.
                    parts.push(againButton());
                } else {
                    const details = `${asked.origin}/?lang=${LANGUAGE}&url=${encodeURIComponent(asked.work)}`;
                    parts.push(line(link(details, text.details)));
                }
                // What a person has focused stays where it is, unless something is new.
                const shown = JSON.stringify([answer.posts, answer.accounts, answer.similar_posts, asked.isOver]);
                if (result.dataset.shown !== shown || result.childElementCount === 0) {
                    result.dataset.shown = shown;
                    result.replaceChildren(...parts);
                }
                const count = posts.length === MAX_ENTRIES ? answer.posts.length : posts.length;
                const state = [of(STEPS, String(answer.status).replace(/^WAIT_/, "")) ?? text.asking];
                if (answer.waits_for_network) state.push(text.waits);
                if (answer.queue_position) state.push(text.queue(answer.queue_position));
                if (answer.posts_listed) state.push(text.indexed(answer.posts_indexed, answer.posts_listed));
                if (count > 0) state.unshift(text.found(count));
                const outcome = asked.failure ?? (count > 0 ? text.found(count) : text.none);
                panel.say(asked.isOver ? outcome : state.join(" "));
            },
        };
    })();

    // --- The page changes without being loaded: the button goes with it. ---

    function follow() {
        const work = workAt(location);
        if (panel.isFor(work)) panel.stay();
        else panel.offer(work);
    }

    function leave() {
        panel.offer(null);
    }

    follow();
    // The script manager keeps this file apart from the page, where nothing tells it of `history.pushState`.
    // Browsers that have the Navigation API tell; of others the address is looked at now and then.
    globalThis.navigation?.addEventListener?.("currententrychange", follow);
    addEventListener("popstate", follow);
    addEventListener("pagehide", leave);
    addEventListener("pageshow", follow);
    setInterval(() => document.hidden || follow(), 1000);
})();
