// The playground: records on the left, the script, what comes of them on the right.
import { edit, element, send } from "./editing.js";

const root = document.body.dataset.root;
const form = document.getElementById("playground");
const source = document.getElementById("source");
const own = document.getElementById("own");
const outcome = document.getElementById("outcome");
const button = document.getElementById("try");
const scripts = JSON.parse(document.getElementById("scripts").textContent);
const editor = edit(document.getElementById("script"), "python", [
  { key: "Mod-Enter", run: () => (attempt(), true) },
]);
let records = [];

async function load() {
  const pasted = source.value === "own:";
  own.classList.toggle("shown", pasted);
  form.classList.toggle("with-endpoint", !source.value.startsWith("sample:"));
  const sample = source.selectedOptions[0].dataset.script;
  const untouched = Object.values(scripts).includes(editor.view.state.doc.toString());
  if (sample && untouched) editor.set(scripts[sample]);
  if (pasted) {
    records = own.value.split("\n").filter((line) => line.trim());
  } else {
    const answer = await fetch(`${root}/playground/records?${new URLSearchParams({ source: source.value })}`, {
      headers: { accept: "application/json" },
    });
    const told = await answer.json();
    records = told.records ?? [];
    if (!answer.ok) return show([element("p", { class: "notice bad" }, told.error)]);
  }
  document.getElementById("records").replaceChildren(...records.map(record));
}

function record(line, place) {
  const item = element("li");
  try {
    const whole = JSON.parse(line);
    for (const [name, section] of Object.entries(whole.captureData ?? { record: { data: line } })) {
      item.append(element("b", {}, `${place + 1} · ${name.replace("endpoint", "").toLowerCase() || name}`));
      item.append(element("code", {}, String(section.data ?? "").trim().slice(0, 400)));
    }
  } catch {
    item.append(element("code", {}, line.slice(0, 400)));
  }
  return item;
}

const show = (parts) => outcome.replaceChildren(...parts);

async function attempt() {
  if (button.disabled) return;
  button.disabled = true;
  show([element("p", { class: "quiet" }, "Running …")]);
  editor.mark([]);
  try {
    await loading;
    const script = editor.view.state.doc.toString();
    told(await send(`${root}/playground/try`, { script, records: records.join("\n") }));
  } catch (error) {
    show([element("p", { class: "notice bad" }, error.message)]);
  }
  button.disabled = false;
}

function told({ trials, columns, failure, hints }) {
  const failures = [failure, ...trials.map((one) => one.failure)].filter(Boolean);
  editor.mark([
    ...failures.map((one) => ({ line: one.line, severity: "error", text: `${one.exception_type}: ${one.message}` })),
    ...hints.map((one) => ({ line: one.line, severity: "info", text: one.text })),
  ]);
  const rows = trials.reduce((sum, one) => sum + one.rows.length, 0);
  const dropped = trials.filter((one) => one.dropped).length;
  const parts = [element("p", {}, `${rows} rows of ${trials.length} records, ${dropped} left out, ${failures.length} failed`)];
  if (failure) parts.push(wrong(failure));
  for (const one of hints) parts.push(element("p", { class: "notice" }, `Line ${one.line}: ${one.text}`));
  if (columns.length) {
    const cells = columns.map((one) => element("tr", {}, element("th", { scope: "row" }, one.name), element("td", {}, one.type ?? one.inferred_type ?? "")));
    parts.push(element("table", { class: "rows tight" }, element("tbody", {}, ...cells)));
  }
  parts.push(element("ol", { class: "trials", tabindex: "0", "aria-label": "What came of each record" }, ...trials.map(trial)));
  show(parts);
}

function trial(one) {
  const item = element("li", { class: one.failure ? "bad" : one.dropped ? "drop" : "" }, element("b", {}, `Record ${one.number} `));
  if (one.failure) item.append(wrong(one.failure));
  if (one.dropped) item.append(element("span", { class: "quiet" }, one.dropped));
  for (const row of one.rows) {
    const cells = Object.entries(row).map(([name, value]) => element("tr", {}, element("td", {}, name), element("td", {}, value === null ? "–" : String(value)), element("td", { class: "quiet" }, one.types[name] ?? "")));
    item.append(element("table", {}, element("tbody", {}, ...cells)));
  }
  for (const line of one.log) item.append(element("p", { class: "quiet" }, `${line.tag}: ${line.text}`));
  return item;
}

function wrong(failure) {
  const place = failure.line ? `Line ${failure.line}: ` : "";
  const box = element("p", { class: "notice bad" }, `${place}${failure.exception_type}: ${failure.message}`);
  if (failure.remedy) box.append(element("br"), failure.remedy);
  return box;
}

button.addEventListener("click", attempt);
let loading = load();
source.addEventListener("change", () => (loading = load()));
own.addEventListener("input", () => (loading = load()));
button.disabled = false; // only now is somebody listening
