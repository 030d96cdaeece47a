// Joins the page and the api. What is shown is made in view.mjs.

import { announcement, errorMessage, nextLook, orderRows, productOptions, summary } from "./view.mjs";

const element = (id) => document.getElementById(id);
let since = Date.now(); // when there was last something new to wait for
let timer;
let awaited = null; // the order placed last, until its result is announced
let newest = 0; // of several looks under way, only the last one is shown

async function api(path, options) {
  const response = await fetch(path, options);
  const body = await response.json().catch(() => null);
  if (!response.ok || body === null) throw new Error(errorMessage(response.status, body));
  return body;
}

function say(text, kind = "") {
  element("message").textContent = text;
  element("message").className = kind;
}

function show(id, html) {
  if (element(id).dataset.shown === html) return; // keeps selections and scroll positions
  element(id).dataset.shown = html;
  element(id).innerHTML = html;
}

async function look() {
  clearTimeout(timer);
  const mine = ++newest;
  const state = await api("/api/orders");
  if (mine !== newest) return;
  show("rows", orderRows(state.orders));
  element("summary").textContent = summary(state);
  const news = announcement(state.orders, awaited);
  if (news) {
    awaited = null;
    say(news);
  }
  const wait = nextLook(state.orders, Date.now() - since);
  if (wait !== null) timer = setTimeout(() => look().catch((error) => say(error.message, "bad")), wait);
}

async function place(form) {
  const { item, quantity, note } = Object.fromEntries(new FormData(form));
  const order = await api("/api/orders", {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ item, quantity: Number(quantity), note }),
  });
  say(`Order ${order.id} is placed.`);
  form.reset();
  awaited = order.id;
  since = Date.now();
  await look();
}

element("order").addEventListener("submit", async (event) => {
  event.preventDefault();
  const button = event.target.querySelector("button");
  button.disabled = true;
  try {
    await place(event.target);
  } catch (error) {
    say(error.message, "bad");
  } finally {
    button.disabled = false;
  }
});

try {
  const [{ products }] = await Promise.all([api("/api/products"), look()]);
  show("item", productOptions(products));
} catch (error) {
  say(error.message, "bad");
}
