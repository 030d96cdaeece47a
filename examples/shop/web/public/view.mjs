// What the page shows, as strings: no DOM, no network, so that it can be tested.

const MONEY = new Intl.NumberFormat("en-IE", { style: "currency", currency: "EUR" });
const ENTITIES = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;" };

export function escapeHtml(value) {
  return String(value).replace(/[&<>"']/g, (character) => ENTITIES[character]);
}

export function money(cents) {
  return MONEY.format(cents / 100);
}

export function productOptions(products) {
  return products
    .map(({ id, name, price_cents }) => {
      const text = `${name}, ${money(price_cents)}`;
      return `<option value="${escapeHtml(id)}">${escapeHtml(text)}</option>`;
    })
    .join("");
}

export function orderRows(orders) {
  if (orders.length === 0) {
    return '<tr><td colspan="5" class="pending">No orders yet. Yours could be the first.</td></tr>';
  }
  return orders.map(orderRow).join("");
}

function orderRow({ id, name, quantity, note, result }) {
  const remark = note ? `<span class="note hint">${escapeHtml(note)}</span>` : "";
  const saving = result?.discount_cents
    ? `<span class="note hint">${money(result.discount_cents)} off</span>`
    : "";
  const outcome = result
    ? `<td class="receipt">${escapeHtml(result.receipt)}</td><td class="number">${money(result.total_cents)}${saving}</td>`
    : '<td class="pending">being prepared …</td><td></td>';
  return (
    `<tr><th scope="row">${escapeHtml(id)}</th><td>${escapeHtml(name)}${remark}</td>` +
    `<td class="number">${escapeHtml(quantity)}</td>${outcome}</tr>`
  );
}

export function summary({ orders, placed }) {
  const pending = orders.filter(({ result }) => !result).length;
  const text = `${placed} ${placed === 1 ? "order" : "orders"} placed`;
  return pending ? `${text}, ${pending} being prepared` : text;
}

/** What to say of the order that is awaited, or null while there is nothing new. */
export function announcement(orders, awaited) {
  const result = orders.find(({ id }) => id === awaited)?.result;
  return result ? `Order ${awaited} is ready: receipt ${result.receipt}, ${money(result.total_cents)}.` : null;
}

/** Milliseconds until the next look, or null: quick while a result is near, then slower, then never. */
export function nextLook(orders, waitedMs) {
  if (orders.every(({ result }) => result) || waitedMs > 120_000) return null;
  return waitedMs < 5_000 ? 250 : 2_000;
}

/** What to tell people about an answer that is not what was asked for. */
export function errorMessage(status, body) {
  return body?.error?.message ?? `The shop answered ${status}. Try again soon.`;
}
