// The editor of the playground, as one module: CodeMirror with Python and nothing that is not used.
import { EditorView, basicSetup } from "codemirror";
import { EditorState } from "@codemirror/state";
import { keymap } from "@codemirror/view";
import { indentWithTab } from "@codemirror/commands";
import { python } from "@codemirror/lang-python";
import { json } from "@codemirror/lang-json";
import { lintGutter, setDiagnostics } from "@codemirror/lint";
import { HighlightStyle, indentUnit, syntaxHighlighting } from "@codemirror/language";
import { tags } from "@lezer/highlight";

export { EditorState, EditorView, HighlightStyle, basicSetup, indentUnit, indentWithTab, json, keymap };
export { lintGutter, python, setDiagnostics, syntaxHighlighting, tags };
