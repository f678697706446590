// Requests to our own server, with its token where it wants one.

import { byId } from "./parts.js";

let wanted;

/** As `fetch`; where the server wants a token, the person is asked for it. */
export async function ask(path, options = {}) {
  for (;;) {
    const token = sessionStorage.getItem("token");
    const headers = { ...options.headers, ...(token ? { authorization: `Bearer ${token}` } : {}) };
    const answer = await fetch(path, { ...options, headers });
    if (answer.status !== 401) return answer;
    wanted ??= token_();
    await wanted;
    wanted = undefined;
  }
}

function token_() {
  const dialog = byId("token");
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener(
      "close",
      () => {
        sessionStorage.setItem("token", byId("secret").value);
        resolve();
      },
      { once: true },
    );
  });
}

/** What went wrong, in a refusal's own words. */
export const faultOf = (told) => told.error ?? told.detail ?? "refused";

/** Follow a stream of server-sent events until it ends; `on` gets the data of each. */
export async function follow(path, on, signal) {
  const answer = await ask(path, { signal, headers: { accept: "text/event-stream" } });
  if (!answer.ok) throw new Error(faultOf(await answer.json()));
  const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    const events = (rest + value).split(/\r?\n\r?\n/);
    rest = events.pop();
    for (const event of events) {
      const data = event
        .split(/\r?\n/)
        .filter((line) => line.startsWith("data:"))
        .map((line) => line.slice(5).trimStart());
      if (data.length) on(JSON.parse(data.join("\n")));
    }
  }
}
