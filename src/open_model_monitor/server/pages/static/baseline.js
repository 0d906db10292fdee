// Constraints: a text to edit, small edits by hand, and what it would have flagged.
import { edit, element, send } from "./editing.js";

const form = document.getElementById("edit");
const area = document.getElementById("constraints");

if (form) {
  const editor = edit(area, "json");
  const preview = document.getElementById("preview");
  const telling = document.getElementById("quick-told");

  document.getElementById("show-preview").addEventListener("click", async (event) => {
    event.target.disabled = true;
    try {
      const past = await send(form.dataset.preview, { constraints: area.value });
      preview.replaceChildren(past.length ? table(past) : element("p", { class: "notice" }, "It makes sense. There is no past execution to judge again."));
    } catch (error) {
      preview.replaceChildren(element("p", { class: "notice bad" }, error.message));
    }
    event.target.disabled = false;
  });

  document.getElementById("quick-apply")?.addEventListener("click", () => {
    const feature = document.getElementById("quick-feature").value;
    const what = document.getElementById("quick-what").value;
    const value = document.getElementById("quick-value").value.trim();
    try {
      const document_ = JSON.parse(area.value);
      change(document_, feature, what, value);
      editor.set(JSON.stringify(document_, null, 2));
      telling.textContent = `Put in: ${what} of ${feature || "all features"} is ${value}. Save it below.`;
    } catch (error) {
      telling.textContent = error.message;
    }
  });
}

function change(whole, feature, what, value) {
  if (value === "") throw new Error("Say what it becomes");
  const entry = whole.features.find((one) => one.name === feature);
  if (!entry && what !== "drift") throw new Error("Choose a feature first");
  if (what === "type") entry.inferred_type = value;
  else if (what === "domain") {
    entry.string_constraints ??= {};
    entry.string_constraints.domains = [...new Set([...(entry.string_constraints.domains ?? []), value])];
  } else {
    const number = Number(value);
    if (!(number >= 0 && number <= 1)) throw new Error("A number between 0 and 1, please");
    if (what === "completeness") entry.completeness = number;
    else if (entry) threshold(whole, entry, number);
    else limits((whole.monitoring_config ??= {}), number);
  }
}

function threshold(whole, entry, number) {
  const key = entry.inferred_type === "String" ? "string_constraints" : "num_constraints";
  entry[key] ??= {};
  limits((entry[key].monitoring_config_overrides ??= {}), number);
}

function limits(config, number) {
  config.distribution_constraints ??= {};
  config.distribution_constraints.comparison_threshold = number;
  config.distribution_constraints.categorical_comparison_threshold = number;
}

function table(past) {
  const rows = past.map((one) => {
    const told = (list) => list.map(([name, check]) => `${name} (${check.replaceAll("_", " ")})`).join(", ") || "–";
    return element("tr", {}, element("th", { scope: "row" }, String(one.scheduled).slice(0, 16).replace("T", " ")), element("td", { class: "num" }, String(one.flagged)), element("td", { class: "num" }, String(one.would_be)), element("td", {}, told(one.no_longer)), element("td", {}, told(one.newly)));
  });
  const head = element("tr", {}, ...["Execution (UTC)", "Flagged", "Would be", "No longer", "Newly"].map((word) => element("th", {}, word)));
  return element("div", { class: "scroll" }, element("table", { class: "rows tight" }, element("thead", {}, head), element("tbody", {}, ...rows)));
}
