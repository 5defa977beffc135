// Shows the API's own description and sends what is tried to where this page came from, stage prefix included.
const base = new URL(".", document.baseURI).href.replace(/\/$/, "");

async function show() {
  const answer = await fetch(`${base}/api/openapi`);
  if (!answer.ok) throw new Error(`/api/openapi answered ${answer.status}`);
  const spec = await answer.json();
  spec.servers = [{ url: base }];
  SwaggerUIBundle({
    spec,
    dom_id: "#swagger-ui",
    layout: "BaseLayout",
    deepLinking: true,
    docExpansion: "none",
    defaultModelsExpandDepth: -1,
    validatorUrl: null, // else the description is sent to a service elsewhere
  });
}

show().catch((error) => {
  document.getElementById("swagger-ui").textContent = `The description could not be shown: ${error.message}`;
});
