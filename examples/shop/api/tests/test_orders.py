import pytest

from shop.orders import NewOrder, Refused, parse_new_order


def test_reads_an_order():
    body = '{"item": "mug", "quantity": 2, "note": " für Zoë "}'.encode()
    assert parse_new_order(body) == NewOrder("mug", 2, "für Zoë")


def test_quantity_and_note_have_defaults():
    assert parse_new_order(b'{"item": "mug"}') == NewOrder("mug", 1, "")


@pytest.mark.parametrize("quantity", [1, 100])
def test_accepts_the_ends_of_the_range(quantity):
    assert parse_new_order(b'{"item": "mug", "quantity": %d}' % quantity).quantity == quantity


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b"", 400, "invalid_json"),
        (b"{", 400, "invalid_json"),
        (b"\xff", 400, "invalid_json"),
        (b"[" * 16_000, 400, "invalid_json"),
        (b'{"item": "mug", "quantity": ' + b"9" * 5000 + b"}", 400, "invalid_json"),
        (b"[]", 422, "invalid_order"),
        (b'{"item": "mug", "colour": "red"}', 422, "unknown_field"),
        (b"{}", 422, "missing_item"),
        (b'{"item": ""}', 422, "missing_item"),
        (b'{"item": null}', 422, "missing_item"),
        (b'{"item": 7}', 422, "invalid_item"),
        (b'{"item": "Mug!"}', 422, "unknown_product"),
        (b'{"item": "mug\\u0000"}', 422, "unknown_product"),
        (b'{"item": "mug", "quantity": 0}', 422, "invalid_quantity"),
        (b'{"item": "mug", "quantity": 101}', 422, "invalid_quantity"),
        (b'{"item": "mug", "quantity": 1.5}', 422, "invalid_quantity"),
        (b'{"item": "mug", "quantity": "2"}', 422, "invalid_quantity"),
        (b'{"item": "mug", "quantity": true}', 422, "invalid_quantity"),
        (b'{"item": "mug", "note": 1}', 422, "invalid_note"),
        (b'{"item": "mug", "note": "a\\u0000b"}', 422, "invalid_note"),
        (b'{"item": "mug", "note": "\\ud800"}', 422, "invalid_note"),
        (b'{"item": "mug", "note": "' + b"x" * 201 + b'"}', 422, "invalid_note"),
    ],
)
def test_refuses(body, status, code):
    with pytest.raises(Refused) as refused:
        parse_new_order(body)
    assert (refused.value.status, refused.value.code) == (status, code)
    str(refused.value).encode()
