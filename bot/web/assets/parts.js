// What both pages draw the same way: a message's text, with telephone numbers made dialable, and its clauses.

import { html } from "./vendor/htm-preact.js";

// The character before is matched too, because older Safari knows no look-behind.
const NUMBER = "1\\d{10}|0\\d{2,3}-\\d{7,8}";
const SHORT_NUMBER = "110|119|120|12338|12345|12348|12355|12356";

// Short numbers are linked only where the message is about calling for help: 110 may also be a sum of money.
export function Text({ text, urgent }) {
  const numbers = urgent ? `${NUMBER}|${SHORT_NUMBER}` : NUMBER;
  const pattern = new RegExp(`(^|[^\\d.,-])(${numbers})(?![\\d,-]|\\.\\d)`, "g");
  const pieces = [];
  let end = 0;
  let found;
  while ((found = pattern.exec(text))) {
    const start = found.index + found[1].length;
    pieces.push(text.slice(end, start), html`<a href=${`tel:${found[2]}`}>${found[2]}</a>`);
    end = start + found[2].length;
  }
  pieces.push(text.slice(end));
  return html`<p class="text">${pieces}</p>`;
}

export function Citations({ citations }) {
  return html`<details class="cites">
    <summary>依据条款（${citations.length} 条）</summary>
    ${citations.map((cite) => html`<blockquote>
      <p class="quote">${cite.quote}</p>
      <footer>《${cite.document}》 ${cite.clause}</footer>
    </blockquote>`)}
  </details>`;
}

export function authorName(message) {
  if (message.author === "staff") return message.name ? `工作人员 ${message.name}` : "工作人员";
  return { bot: "救助通", system: "提示", resident: "居民" }[message.author] || "提示";
}
