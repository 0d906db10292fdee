// A text area that becomes an editor; the text area stays, so that its form works as without script.
const address = document.querySelector("script[data-editor]").dataset.editor;
const cm = await import(address);
const nonce = document.querySelector("script[nonce]").nonce;

const colours = cm.HighlightStyle.define([
  { tag: [cm.tags.keyword, cm.tags.operatorKeyword], color: "var(--run)" },
  { tag: [cm.tags.string, cm.tags.special(cm.tags.string)], color: "var(--ok)" },
  { tag: [cm.tags.number, cm.tags.bool, cm.tags.null], color: "var(--warn)" },
  { tag: cm.tags.comment, color: "var(--quiet)", fontStyle: "italic" },
  { tag: [cm.tags.function(cm.tags.variableName), cm.tags.propertyName], color: "var(--accent)" },
]);
const look = cm.EditorView.theme({
  "&": { color: "var(--ink)", backgroundColor: "var(--field)" },
  ".cm-gutters": { backgroundColor: "var(--field)", color: "var(--quiet)", borderRight: "1px solid var(--line)" },
  ".cm-activeLine, .cm-activeLineGutter": { backgroundColor: "var(--hover)" },
  ".cm-cursor": { borderLeftColor: "var(--ink)" },
  "&.cm-focused .cm-selectionBackground, .cm-selectionBackground": { backgroundColor: "var(--run-bg) !important" },
  ".cm-panels, .cm-tooltip": { backgroundColor: "var(--card)", color: "var(--ink)", borderColor: "var(--line)" },
  ".cm-scroller": { fontFamily: "ui-monospace, Menlo, Consolas, monospace" },
});

export function edit(area, language, keys = []) {
  const place = document.createElement("div");
  place.className = area.rows < 24 ? "editor short" : "editor";
  area.after(place);
  area.hidden = true;
  const label = document.querySelector(`label[for="${area.id}"]`)?.textContent ?? "Editor";
  const view = new cm.EditorView({
    parent: place,
    doc: area.value,
    extensions: [
      cm.EditorView.cspNonce.of(nonce),
      cm.keymap.of(keys),
      cm.basicSetup,
      language === "python" ? [cm.python(), cm.indentUnit.of("    ")] : cm.json(),
      cm.syntaxHighlighting(colours),
      look,
      cm.lintGutter(),
      cm.EditorView.lineWrapping,
      cm.EditorView.contentAttributes.of({ "aria-label": label }),
      cm.EditorView.updateListener.of((update) => {
        if (!update.docChanged) return;
        area.value = view.state.doc.toString();
        area.dispatchEvent(new Event("input"));
      }),
    ],
  });
  view.scrollDOM.tabIndex = 0; // a region that scrolls must be reached by keys
  return {
    view,
    set(text) {
      view.dispatch({ changes: { from: 0, to: view.state.doc.length, insert: text } });
    },
    mark(problems) {
      const found = problems
        .filter((one) => one.line >= 1 && one.line <= view.state.doc.lines)
        .map(({ line, text, severity }) => {
          const { from, to } = view.state.doc.line(line);
          return { from, to, severity, message: text };
        });
      view.dispatch(cm.setDiagnostics(view.state, found));
      const first = found.find((one) => one.severity === "error");
      if (first) view.dispatch({ effects: cm.EditorView.scrollIntoView(first.from, { y: "center" }) });
    },
  };
}

export function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

export async function send(address, fields) {
  const headers = { "x-csrf-token": document.body.dataset.csrf, accept: "application/json" };
  const answer = await fetch(address, { method: "POST", headers, body: new URLSearchParams(fields) });
  const told = await answer.json();
  if (!answer.ok) throw new Error(told.error ?? "This did not work");
  return told;
}
