// Shows the API's own description and sends what is tried to where this page came from, stage prefix included.
const base = new URL(".", document.baseURI).href.replace(/\/$/, "");

// Swagger UI puts the focus into the last of several keys, shows what is typed, and leaves a field without a name.
function mend(added) {
  const dialog = added.querySelector?.(".dialog-ux");
  for (const input of dialog?.querySelectorAll("input[type=text]") ?? []) {
    input.type = "password";
    input.autocomplete = "off";
  }
  dialog?.querySelector("input")?.focus();
  document.getElementById("servers")?.setAttribute("aria-label", "Server");
}

function follow(dark) {
  document.documentElement.classList.toggle("dark-mode", dark.matches);
}

async function show() {
  const dark = matchMedia("(prefers-color-scheme: dark)");
  follow(dark);
  dark.addEventListener("change", follow);
  const answer = await fetch(`${base}/api/openapi`);
  if (!answer.ok) throw new Error(`/api/openapi answered ${answer.status}`);
  const spec = await answer.json();
  spec.servers = [{ url: base }];
  const place = document.getElementById("swagger-ui");
  new MutationObserver((changes) => {
    for (const change of changes) change.addedNodes.forEach(mend);
  }).observe(place, { childList: true, subtree: true });
  SwaggerUIBundle({
    spec,
    dom_id: "#swagger-ui",
    layout: "BaseLayout",
    deepLinking: true,
    docExpansion: "none",
    filter: true,
    defaultModelsExpandDepth: -1,
    validatorUrl: null, // else the description is sent to a service elsewhere
  });
}

show().catch((error) => {
  document.getElementById("swagger-ui").textContent = `The description could not be shown: ${error.message}`;
});
