"use strict";
const { token, drop } = document.body.dataset;
const questions = [...document.querySelectorAll(".question")];
let current = 0;

function show(question) {
  const { state, label, suggestion } = question.dataset;
  const kind = !state ? "" : state === drop ? "drop" : state === label ? "keep" : state === suggestion ? "accept" : "other";
  for (const button of question.querySelectorAll("button")) {
    button.setAttribute("aria-pressed", String(button.dataset.kind === kind));
    if (button.dataset.kind === "undo") button.disabled = !state;
  }
  const result = question.querySelector(".result");
  result.className = "result";
  result.textContent = state ? `written: ${state}` : "";
  document.getElementById("done").textContent = questions.filter((one) => one.dataset.state).length;
}

function go(place) {
  current = Math.min(Math.max(place, 0), questions.length - 1);
  questions.forEach((one, at) => one.classList.toggle("current", at === current));
  questions[current].focus({ preventScroll: true });
  questions[current].scrollIntoView({ block: "start" });
}

async function decide(question, kind) {
  const value = (name) => question.querySelector(name).value;
  const body = JSON.stringify({ id: question.dataset.id, kind, label: value(".other"), why: value(".why") });
  const headers = { "Content-Type": "application/json", "X-Token": token };
  let said = "finetrail does not answer; start `finetrail review` again";
  try {
    const answer = await fetch("/decide", { method: "POST", headers, body });
    said = await answer.text();
    if (answer.ok) {
      question.dataset.state = said;
      show(question);
      if (kind !== "undo" && questions.indexOf(question) === current) go(current + 1);
      return;
    }
  } catch { /* the server is gone: said below */ }
  const result = question.querySelector(".result");
  result.className = "result refused";
  result.textContent = said;
}

for (const [place, question] of questions.entries()) {
  show(question);
  question.addEventListener("focusin", () => {
    if (place !== current) { current = place; questions.forEach((one, at) => one.classList.toggle("current", at === place)); }
  });
  for (const button of question.querySelectorAll("button")) {
    button.addEventListener("click", () => decide(question, button.dataset.kind));
  }
  question.querySelector(".other").addEventListener("keydown", (event) => {
    if (event.key === "Enter") decide(question, "other");
  });
}

document.addEventListener("keydown", (event) => {
  if (event.key === "Escape") { questions[current]?.focus(); return; }
  if (event.target instanceof HTMLInputElement || event.ctrlKey || event.metaKey || event.altKey) return;
  const kinds = { k: "keep", a: "accept", d: "drop", z: "undo" };
  const key = event.key;
  if (kinds[key]) decide(questions[current], kinds[key]);
  else if (key === "o") questions[current].querySelector(".other").focus();
  else if (key === "ArrowDown" || key === "j") go(current + 1);
  else if (key === "ArrowUp") go(current - 1);
  else return;
  event.preventDefault();
});
if (questions.length) go(Math.max(0, questions.findIndex((one) => !one.dataset.state)));
