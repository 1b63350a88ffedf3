// Requests to the service. Two kinds of failure, because they need different words and different deeds:
// Unreachable (try again later, nothing was decided) and Refused (the service answered and said no).

export class Unreachable extends Error {
  constructor(retryAfter = 0) {
    super("unreachable");
    this.retryAfter = retryAfter;
  }
}

export class Refused extends Error {
  constructor(status, code, message) {
    super(message);
    this.status = status;
    this.code = code;
  }
}

const TIMEOUT_MS = 20000;

function verdict(status, body, retryAfter) {
  const seconds = Number(retryAfter) || 0;
  if (status === 429 || status >= 500) return new Unreachable(seconds);
  const error = (body && body.error) || {};
  return new Refused(status, error.code || "", error.message || "这一步没有办成。请过一会儿再试。");
}

function parse(text) {
  try {
    return text ? JSON.parse(text) : {};
  } catch {
    return {};
  }
}

// Options: {json, headers, timeout in ms}. Resolves with the parsed body; rejects with Unreachable or Refused.
export async function call(method, url, { json, headers, timeout = TIMEOUT_MS } = {}) {
  const abort = new AbortController();
  const timer = setTimeout(() => abort.abort(), timeout);
  let response;
  let text;
  try {
    response = await fetch(url, {
      method,
      headers: { Accept: "application/json", ...(json ? { "Content-Type": "application/json" } : {}), ...headers },
      body: json ? JSON.stringify(json) : undefined,
      credentials: "same-origin",
      cache: "no-store",
      signal: abort.signal,
    });
    text = await response.text();
  } catch {
    throw new Unreachable();
  } finally {
    clearTimeout(timer);
  }
  const body = parse(text);
  if (!response.ok) throw verdict(response.status, body, response.headers.get("Retry-After"));
  return body;
}

// A multipart upload with progress (0..1); fetch cannot report it. Rejects as call() does.
export function upload(url, form, headers, onProgress) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open("POST", url);
    for (const [name, value] of Object.entries(headers)) request.setRequestHeader(name, value);
    request.upload.onprogress = (event) => {
      if (event.lengthComputable) onProgress(event.loaded / event.total);
    };
    request.onerror = request.onabort = request.ontimeout = () => reject(new Unreachable());
    request.onload = () => {
      const body = parse(request.responseText);
      if (request.status >= 200 && request.status < 300) resolve(body);
      else reject(verdict(request.status, body, request.getResponseHeader("Retry-After")));
    };
    request.send(form);
  });
}

export async function download(url, headers) {
  let response;
  try {
    response = await fetch(url, { headers, credentials: "same-origin", cache: "no-store" });
  } catch {
    throw new Unreachable();
  }
  if (!response.ok) throw verdict(response.status, parse(await response.text()), 0);
  return response.blob();
}

// crypto.randomUUID exists only on https; an office's own server may be plain http in its own network.
export function newId() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
