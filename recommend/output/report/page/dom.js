// Every element of the page is made here. Text goes in as text nodes and attributes by name, so nothing that the plan holds
// can become markup or script.

const svgNamespace = "http://www.w3.org/2000/svg";

/** An HTML element: attributes by name, "onclick" and the like as listeners; children are elements, texts, lists of them, or null. */
function h(name, attributes, ...children) {
  return fill(document.createElement(name), attributes, children);
}

/** An SVG element. */
function svg(name, attributes, ...children) {
  return fill(document.createElementNS(svgNamespace, name), attributes, children);
}

function fill(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes ?? {})) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? "" : printable(String(value)));
  }
  for (const child of children.flat(Infinity)) {
    if (child === null || child === undefined || child === false) continue;
    element.append(child instanceof Node ? child : printable(String(child)));
  }
  return element;
}

/**
 * What does not print (control characters, line breaks, bidirectional overrides) is shown as \x1b or \u{202e}, as on the
 * terminal: a name must not be able to reorder or hide what stands beside it.
 */
function printable(text) {
  return text.replace(/[^\p{L}\p{M}\p{N}\p{P}\p{S} ]/gu, (c) => {
    const code = c.codePointAt(0);
    return code < 0x80 ? "\\x" + code.toString(16).padStart(2, "0") : "\\u{" + code.toString(16) + "}";
  });
}

/** A name that somebody chose: it keeps its own direction of writing to itself. */
function name(text) {
  return h("bdi", null, text);
}

function code(text) {
  return h("code", null, h("bdi", null, text));
}

/** Puts separators between the parts that are there. */
function joined(parts, separator = " · ") {
  return parts.filter((part) => part !== null && part !== undefined && part !== "" && part !== false)
    .flatMap((part, i) => (i === 0 ? [part] : [separator, part]));
}

/** Text for screen readers only. */
function spoken(text) {
  return h("span", { class: "sr" }, text);
}

/** Tells a screen reader what has just changed. */
function announce(text) {
  document.getElementById("status").textContent = printable(text);
}
