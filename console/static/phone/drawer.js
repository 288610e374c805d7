// What went over the wire: every webhook with its form and its answer, to be copied and sent again.

export class Drawer {
  // list: where the lines go; template: one line; words: what is said; again(asked): sends one once more.
  constructor(list, template, words, again) {
    Object.assign(this, { list, template, words, again });
    this.calls = [];
  }

  clear() {
    this.list.replaceChildren();
  }

  add(sent, asked) {
    const line = this.template.content.firstElementChild.cloneNode(true);
    const find = (name) => line.querySelector(`[data-part="${name}"]`);
    find("path").textContent = sent.url.replace(/^https?:\/\/[^/]*/, "");
    find("status").textContent = sent.status;
    line.dataset.good = String(sent.status < 400);
    find("ms").textContent = this.words.ms.replace("{ms}", sent.ms);
    find("form").replaceChildren(...sent.form.flatMap(([name, value]) => [element("dt", name), element("dd", value)]));
    find("answer").textContent = pretty(sent.body) || "–";
    find("copy").addEventListener("click", (event) => this.#copy(event.currentTarget, curl(sent)));
    find("replay").addEventListener("click", (event) => this.#replay(event.currentTarget, find("replayed"), asked));
    this.list.append(line);
  }

  async #copy(button, text) {
    try {
      await navigator.clipboard.writeText(text);
      button.textContent = this.words.copied;
    } catch {
      // Where there is no clipboard the text can be taken by hand.
      const field = element("textarea", text);
      field.readOnly = true;
      field.className = "form-control";
      field.setAttribute("aria-label", this.words.copy);
      button.replaceWith(field);
      field.select();
    }
  }

  async #replay(button, place, asked) {
    button.disabled = true;
    try {
      const sent = await this.again(asked);
      place.textContent = this.words.replayed.replace("{status}", sent.status).replace("{ms}", sent.ms);
    } catch (error) {
      place.textContent = error.message;
    }
    button.disabled = false;
  }
}

function element(name, text) {
  const made = document.createElement(name);
  made.textContent = text;
  return made;
}

// The request as a shell command, signature and all.
export function curl(sent) {
  const quoted = (text) => `'${text.replaceAll("'", "'\\''")}'`;
  const parts = [`curl -X POST ${quoted(sent.url)}`];
  if (sent.signature) parts.push(`-H ${quoted(`X-Twilio-Signature: ${sent.signature}`)}`);
  parts.push(...sent.form.map(([name, value]) => `--data-urlencode ${quoted(`${name}=${value}`)}`));
  return parts.join(" \\\n  ");
}

// XML with one element a line; what is no XML stays as it is.
export function pretty(body) {
  // What cannot be read as XML makes the browser write an error page, style and all, which our content
  // policy complains of.
  if (!body.trimStart().startsWith("<?xml")) return body;
  const read = new DOMParser().parseFromString(body, "text/xml");
  if (read.querySelector("parsererror")) return body;
  return lines(read.documentElement, "").join("\n");
}

function lines(node, indent) {
  const open = `${node.tagName}${[...node.attributes].map(({ name, value }) => ` ${name}="${value}"`).join("")}`;
  const inside = [...node.children];
  const text = node.textContent.trim();
  if (!inside.length) return [indent + (text ? `<${open}>${text}</${node.tagName}>` : `<${open}/>`)];
  return [`${indent}<${open}>`, ...inside.flatMap((child) => lines(child, `${indent}  `)), `${indent}</${node.tagName}>`];
}
