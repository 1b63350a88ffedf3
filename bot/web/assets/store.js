// What stays on the phone. Some browsers refuse storage (private windows): then it lasts as long as the page.

const PREFIX = "jzt.";
const memory = new Map();

function usable() {
  try {
    localStorage.setItem(`${PREFIX}probe`, "1");
    localStorage.removeItem(`${PREFIX}probe`);
    return true;
  } catch {
    return false;
  }
}
export const lasting = usable();

export function get(key) {
  const raw = lasting ? localStorage.getItem(PREFIX + key) : memory.get(key);
  try {
    return raw ? JSON.parse(raw) : null;
  } catch {
    return null;
  }
}

export function put(key, value) {
  const raw = JSON.stringify(value);
  memory.set(key, raw);
  if (!lasting) return;
  try {
    localStorage.setItem(PREFIX + key, raw);
  } catch {
    // The phone is full; the page's own copy still holds it.
  }
}

export function drop(key) {
  memory.delete(key);
  if (lasting) localStorage.removeItem(PREFIX + key);
}

export function keys(start) {
  const all = lasting ? Object.keys(localStorage).filter((key) => key.startsWith(PREFIX)) : [];
  const names = lasting ? all.map((key) => key.slice(PREFIX.length)) : [...memory.keys()];
  return names.filter((name) => name.startsWith(start)).sort();
}
