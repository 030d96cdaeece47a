import assert from "node:assert/strict";
import { test } from "node:test";

import { announcement, errorMessage, escapeHtml, money, nextLook, orderRows, productOptions, summary } from "../public/view.mjs";

const pending = { id: 7, name: "Enamel mug", quantity: 2, note: "", result: null };
const done = { ...pending, result: { receipt: "R-000007-5", total_cents: 2500, discount_cents: 0 } };

test("every character that means something in HTML is escaped", () => {
  assert.equal(escapeHtml(`<a href="x" title='y'>&</a>`), "&lt;a href=&quot;x&quot; title=&#39;y&#39;&gt;&amp;&lt;/a&gt;");
});

test("money has two places and groups", () => {
  assert.equal(money(5), "€0.05");
  assert.equal(money(123456), "€1,234.56");
});

test("an order without result is being prepared", () => {
  assert.equal(
    orderRows([pending]),
    '<tr><th scope="row">7</th><td>Enamel mug</td><td class="number">2</td>' +
      '<td class="pending">being prepared …</td><td></td></tr>',
  );
});

test("an order with a result shows receipt and total", () => {
  assert.equal(
    orderRows([done]),
    '<tr><th scope="row">7</th><td>Enamel mug</td><td class="number">2</td>' +
      '<td class="receipt">R-000007-5</td><td class="number">€25.00</td></tr>',
  );
});

test("a discount is shown", () => {
  assert.match(orderRows([{ ...done, result: { ...done.result, discount_cents: 350 } }]), /€3\.50 off/);
});

test("what people wrote is text, never markup", () => {
  const bad = "<img src=x onerror=alert(1)>";
  const order = { ...done, note: bad, name: bad, result: { ...done.result, receipt: bad } };
  for (const html of [orderRows([order]), productOptions([{ id: '"><b>', name: bad, price_cents: 1 }])]) {
    assert.doesNotMatch(html, /<img|<b>/);
    assert.match(html, /&lt;img src=x onerror=alert\(1\)&gt;/);
  }
});

test("a shop without orders says so", () => {
  assert.match(orderRows([]), /No orders yet/);
});

test("products are options with their price", () => {
  assert.equal(
    productOptions([{ id: "mug", name: "Enamel mug", price_cents: 1250 }]),
    '<option value="mug">Enamel mug, €12.50</option>',
  );
});

test("the summary counts what is placed and what is being prepared", () => {
  assert.equal(summary({ orders: [], placed: 0 }), "0 orders placed");
  assert.equal(summary({ orders: [done], placed: 1 }), "1 order placed");
  assert.equal(summary({ orders: [pending, done], placed: 2 }), "2 orders placed, 1 being prepared");
});

test("the awaited order is announced when it has a result", () => {
  assert.equal(announcement([done, pending], 7), "Order 7 is ready: receipt R-000007-5, €25.00.");
  assert.equal(announcement([pending], 7), null);
  assert.equal(announcement([done], 8), null);
  assert.equal(announcement([done], null), null);
});

test("it looks again while a result is missing, but not for ever", () => {
  assert.equal(nextLook([done], 0), null);
  assert.equal(nextLook([], 0), null);
  assert.equal(nextLook([pending, done], 0), 250);
  assert.equal(nextLook([pending], 10_000), 2_000);
  assert.equal(nextLook([pending], 121_000), null);
});

test("an error has the words of the api, else the status", () => {
  assert.equal(errorMessage(422, { error: { message: "no such product" } }), "no such product");
  assert.equal(errorMessage(502, null), "The shop answered 502. Try again soon.");
});
