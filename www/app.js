/** The demo page: asks a pack through the npm package, as any site would. */

import { Mome } from "./mome/index.js";

/** Questions to begin with, for the pack that comes with the page; the last one it cannot answer. */
const EXAMPLES = [
  "What is the capital of Mongolia?",
  "Who discovered palladium?",
  "How long is a year on Mars?",
  "What does HTTP status 451 mean?",
  "What is Apéry's constant to ten decimal places?",
  "What is the capital of Atlantis?",
];

const options = new URLSearchParams(location.search);
const form = document.querySelector("#ask");
const question = form.elements.question;
const loading = document.querySelector("#loading");
const answerPlace = document.querySelector("#answer");

/** Every file fetched so far, as the package reports them. */
const fetches = [];

let mome;

/** Aborts the question under way when another is asked. */
let asking = new AbortController();

function start() {
  if (!options.has("pack")) {
    showExamples();
  }
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    ask(question.value.trim());
  });
  load();
}

async function load() {
  mome?.dispose();
  mome = undefined;
  answerPlace.replaceChildren();
  loading.hidden = false;
  try {
    mome = await Mome.load(options.get("pack") ?? "pack/", {
      device: options.get("device") ?? "auto",
      onFetch(fetch) {
        fetches.push({ ...fetch, end: performance.now() });
        const text = `Loading the pack: ${counted(fetches.length, "file", "files")}, ${bytes(total(fetches, "bytes"))}`;
        document.querySelector("#loading-text").textContent = text;
      },
    });
    const note = mome.deviceNote ? ` ${sentence(mome.deviceNote)}` : "";
    document.querySelector("#device").textContent = `Runs on the ${deviceName(mome.device)}.${note}`;
    for (const button of form.querySelectorAll("button")) {
      button.disabled = false;
    }
  } catch (error) {
    show(failureCard("The pack could not be loaded", error, load));
  } finally {
    loading.hidden = true;
  }
}

async function ask(text) {
  if (text === "" || mome === undefined) {
    return;
  }
  question.value = text;
  asking.abort();
  asking = new AbortController();
  const { signal } = asking;
  answerPlace.ariaBusy = "true";
  const before = fetches.length;
  const begin = performance.now();
  try {
    const answer = await mome.answer(text, { signal });
    show(answerCard(text, answer, performance.now() - begin, fetches.slice(before)));
  } catch (error) {
    if (!signal.aborted) {
      // Loaded anew, since a worker that broke stays broken; what was fetched is in the browser's cache.
      show(failureCard("The question could not be answered", error, () => load().then(() => ask(text))));
    }
  }
}

/** Puts a card in the place of the answer; the keyboard stays there if it was there. */
function show(card) {
  const focused = answerPlace.contains(document.activeElement);
  answerPlace.ariaBusy = "false";
  answerPlace.replaceChildren(card);
  if (focused) {
    card.focus();
  }
}

function showExamples() {
  const examples = document.querySelector("#examples");
  for (const text of EXAMPLES) {
    examples.append(element("button", { type: "button", disabled: true, onclick: () => ask(text) }, text));
  }
  examples.hidden = false;
}

function answerCard(asked, answer, milliseconds, fetched) {
  const card = element(
    "article",
    { className: answer.known ? "card known" : "card unknown", tabIndex: -1 },
    element("p", { className: "asked" }, asked),
    element("p", { className: "text" }, answer.text),
    ...(answer.known ? answer.facts.map(source) : [suggestions(answer)]),
    element(
      "dl",
      { className: "facts" },
      figure(
        answer.known ? "Confidence" : "Confidence of the nearest",
        percent(answer.confidence),
        bar(answer.confidence),
      ),
      figure("Time", `${duration(milliseconds)}, ${counted(answer.passes, "pass", "passes")}`),
      figure("Fetched", fetchedInWords(answer.fetched, fetched)),
      figure("Device", deviceName(answer.device)),
    ),
  );
  if (answer.tokens.length > 0) {
    const rows = answer.tokens.map(({ text, logprob }) => [
      element("code", {}, JSON.stringify(text)),
      logprob.toFixed(4),
    ]);
    card.append(table("Tokens of the answer", ["Token", "Log-probability"], rows));
  }
  const rows = fetches.map(({ path, bytes: length, milliseconds }) => [
    element("code", { title: path }, path),
    bytes(length),
    duration(milliseconds),
  ]);
  card.append(table("Everything fetched so far", ["File", "Size", "Time"], rows));
  return card;
}

function source({ id, source }) {
  return element("p", { className: "source" }, source ? `${source} ` : "", element("code", {}, id));
}

function suggestions(answer) {
  const why =
    answer.reason === "unverified"
      ? "A fact came close, but the answer drafted from it could not be verified."
      : "No memorised fact is close enough to be sure.";
  const items = answer.suggestions.map(({ question, score }) =>
    element(
      "li",
      {},
      element(
        "button",
        { type: "button", onclick: () => ask(question) },
        question,
        element("span", {}, percent(score)),
      ),
    ),
  );
  return element(
    "div",
    { className: "suggestions" },
    element("p", { className: "note" }, why),
    ...(items.length > 0 ? [element("h2", {}, "Did you mean"), element("ul", {}, ...items)] : []),
  );
}

function figure(term, ...description) {
  return element("div", {}, element("dt", {}, term), element("dd", {}, ...description));
}

function bar(share) {
  const bar = element("div", { className: "bar" });
  bar.style.setProperty("--value", share);
  return bar;
}

function fetchedInWords({ objects, bytes: length }, fetched) {
  if (objects === 0) {
    return "nothing: all was at hand";
  }
  return `${counted(objects, "object", "objects")}, ${bytes(length)}, ${duration(span(fetched))}`;
}

function table(caption, heads, rows) {
  const row = (tag, cells) => element("tr", {}, ...cells.map((cell) => element(tag, {}, cell)));
  return element(
    "details",
    {},
    element("summary", {}, caption),
    element(
      "table",
      {},
      element("thead", {}, row("th", heads)),
      element("tbody", {}, ...rows.map((cells) => row("td", cells))),
    ),
  );
}

function failureCard(title, error, retry) {
  return element(
    "article",
    { className: "card failure", tabIndex: -1, role: "alert" },
    element("h2", {}, title),
    element("p", {}, error.message),
    element("button", { type: "button", className: "primary", onclick: retry }, "Try again"),
  );
}

function element(tag, properties, ...children) {
  const made = Object.assign(document.createElement(tag), properties);
  made.append(...children);
  return made;
}

function total(items, field) {
  return items.reduce((sum, item) => sum + item[field], 0);
}

/** From the start of the first of some fetches to the end of the last, in milliseconds: they overlap. */
function span(fetched) {
  return (
    Math.max(...fetched.map(({ end }) => end)) - Math.min(...fetched.map(({ end, milliseconds }) => end - milliseconds))
  );
}

function deviceName(device) {
  return device.replace(/^[cg]pu/, (kind) => kind.toUpperCase());
}

function counted(count, one, many) {
  return `${number(count)}\u00a0${count === 1 ? one : many}`;
}

function duration(milliseconds) {
  return `${number(milliseconds)}\u00a0ms`;
}

function bytes(count) {
  const size = count < 1e6 ? `${number(count / 1e3)}\u00a0KB` : `${number(count / 1e6)}\u00a0MB`;
  return count < 1e3 ? counted(count, "byte", "bytes") : size;
}

function number(value, maximumFractionDigits = value < 10 ? 1 : 0) {
  return new Intl.NumberFormat("en", { maximumFractionDigits }).format(value);
}

/** A share in per cent; what is short of certain, or of impossible, is not rounded to it. */
function percent(share) {
  if (share > 0 && share < 0.001) {
    return "under 0.1%";
  }
  return share > 0.999 && share < 1 ? "over 99.9%" : `${number(share * 100, 1)}%`;
}

function sentence(text) {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}${/[.!?]$/.test(text) ? "" : "."}`;
}

start();
