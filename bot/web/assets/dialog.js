// A question over the page. Native <dialog> where the browser has it (focus trap, Escape); in place otherwise.

import { html, useEffect, useRef } from "./vendor/htm-preact.js";

export function Dialog({ title, children, onClose }) {
  const box = useRef();
  useEffect(() => {
    const before = document.activeElement;
    const element = box.current;
    if (element.showModal) element.showModal();
    else {
      element.setAttribute("open", "");
      element.classList.add("in-place");
    }
    return () => {
      if (element.close) element.close();
      if (before && before.focus) before.focus();
    };
  }, []);
  return html`<dialog ref=${box} aria-label=${title} onCancel=${(event) => { event.preventDefault(); onClose(); }}>
    <h2>${title}</h2>
    ${children}
  </dialog>`;
}
