// Narrows the reference to the operations whose method, path, name or text has every word typed, and opens the one that
// the address names.
const field = document.getElementById("filter");
const count = document.querySelector("output[for=filter]");
const operations = [...document.querySelectorAll("details")].map((element) => ({
  element,
  text: `${element.id} ${element.querySelector("summary").textContent}`.toLowerCase(),
}));

function narrow() {
  const words = field.value.toLowerCase().split(/\s+/).filter(Boolean);
  let shown = 0;
  for (const { element, text } of operations) {
    element.hidden = !words.every((word) => text.includes(word));
    shown += element.hidden ? 0 : 1;
  }
  for (const section of document.querySelectorAll("main section")) {
    section.hidden = !section.querySelector("details:not([hidden])");
  }
  count.textContent = words.length ? `${shown} of ${operations.length}` : "";
}

function openNamed() {
  const named = document.getElementById(decodeURIComponent(location.hash.slice(1)));
  if (named instanceof HTMLDetailsElement) {
    named.open = true;
    named.scrollIntoView();
  }
}

document.querySelector(".filter").hidden = false;
field.addEventListener("input", narrow);
addEventListener("hashchange", openNamed);
openNamed();
