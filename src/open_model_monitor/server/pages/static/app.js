// What every page has: choices, pieces that come when they are looked at, keys.
const root = document.body.dataset.root;
export const csrf = document.body.dataset.csrf;

function remember(name, value) {
  const secure = location.protocol === "https:" ? "; Secure" : "";
  document.cookie = `${name}=${encodeURIComponent(value)}; Path=${root}; Max-Age=31536000; SameSite=Lax${secure}`;
}

const theme = document.getElementById("theme");
theme.addEventListener("change", () => {
  remember("omm_theme", theme.value);
  document.documentElement.dataset.theme = theme.value;
  document.dispatchEvent(new Event("themechange"));
});

const zone = document.getElementById("zone");
const own = Intl.DateTimeFormat().resolvedOptions().timeZone;
const zones = new Set(["UTC", own, zone.dataset.value, ...Intl.supportedValuesOf("timeZone")]);
zone.replaceChildren(...[...zones].map((name) => new Option(name, name, false, name === zone.dataset.value)));
zone.addEventListener("change", () => {
  remember("omm_zone", zone.value);
  location.reload();
});

// ------------------------------------------------------------ lazy pieces

export async function piece(address) {
  const answer = await fetch(address, { headers: { accept: "text/html" } });
  const text = await answer.text();
  const template = document.createElement("template");
  if (answer.ok) template.innerHTML = text; // our own server's, escaped there
  else template.innerHTML = '<p class="notice bad">This could not be loaded; load the page again.</p>';
  return template.content;
}

async function fill(place, address) {
  place.setAttribute("aria-busy", "true");
  place.replaceChildren(await piece(address));
  place.removeAttribute("aria-busy");
}

for (const details of document.querySelectorAll("details[data-lazy]")) {
  const load = () => details.open && fill(details.querySelector(".body"), details.dataset.lazy);
  details.addEventListener("toggle", load, { once: true });
  if (details.open) load();
}

const seen = new IntersectionObserver((entries) => {
  for (const entry of entries) {
    if (!entry.isIntersecting) continue;
    seen.unobserve(entry.target);
    fill(entry.target, entry.target.dataset.lazy);
  }
}, { rootMargin: "200px" });
for (const place of document.querySelectorAll("div[data-lazy]")) seen.observe(place);

document.addEventListener("click", async (event) => {
  const more = event.target.closest("[data-more]");
  if (!more) return;
  more.disabled = true;
  more.parentElement.replaceWith(await piece(more.dataset.more));
});

for (const form of document.querySelectorAll("[data-lazy-search]")) {
  const place = form.closest(".card").querySelector("div[data-lazy]");
  let timer;
  const search = (event) => {
    event.preventDefault();
    clearTimeout(timer);
    timer = setTimeout(() => fill(place, `${place.dataset.lazy}?${new URLSearchParams(new FormData(form))}`), 250);
  };
  form.addEventListener("input", search);
  form.addEventListener("submit", search);
}

// ------------------------------------------------------------ forms

for (const select of document.querySelectorAll("[data-submit]")) {
  select.addEventListener("change", () => select.value !== "" || select.name === "state" ? select.form.requestSubmit() : null);
}
document.addEventListener("submit", (event) => {
  const question = event.target.dataset.confirm;
  if (question && !window.confirm(question)) event.preventDefault();
});

const refresh = document.querySelector('meta[name="omm-refresh"]');
if (refresh) {
  setTimeout(() => !document.querySelector("dialog[open]") && location.reload(), 1000 * Number(refresh.content));
}

// ------------------------------------------------------------ keys

const dialog = document.getElementById("keys");
const places = { m: "/monitors", a: "/alerts", p: "/playground", s: "/settings" };
let waiting = false;

function step(by) {
  const rows = [...document.querySelectorAll("[data-row]")];
  const at = rows.indexOf(document.activeElement) + by;
  rows[Math.max(0, Math.min(rows.length - 1, at))]?.focus();
}

document.addEventListener("keydown", (event) => {
  const typing = event.target.closest("input, textarea, select, [contenteditable]");
  if (typing || event.ctrlKey || event.metaKey || event.altKey || dialog.open) return;
  const key = event.key;
  if (waiting && places[key]) location.assign(root + places[key]);
  waiting = key === "g";
  if (key === "?") dialog.showModal();
  else if (key === "j") step(1);
  else if (key === "k") step(-1);
  else if (key === "/") {
    event.preventDefault();
    document.querySelector("[data-search], input[type=search]")?.focus();
  }
});
