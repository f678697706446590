"""A file of CSV as rows of a side input: what each line says, what is refused, and what is no file at all."""

from pathlib import Path
from typing import Any

import pytest

from events.sides.declaration import SideInput
from events.sources.declaration import Field
from jobs.side_inputs import sheet as sheets
from jobs.side_inputs import side_inputs
from jobs.side_inputs.sheet import Sheet, SheetError, read_sheet

PRODUCTS, SELLERS, PROFILES = side_inputs(["products", "sellers", "profiles"])
NESTED = SideInput(
    "products",
    "goods",
    {
        "key": Field("ids.sku", type="integer"),
        "price": Field('"unit.price".cents', unit="minor"),
        "currency": Field("money", default="EUR"),
        "name": Field("names[0]"),
    },
)
KEYLESS = SideInput("sellers", "s", {"categories": Field("sells")})


def sheet(folder: Path, text: str | bytes, side: SideInput = PRODUCTS) -> Sheet:
    file = folder / "file.csv"
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    return read_sheet(file, side)


def values(found: Sheet) -> dict[str, dict[str, Any]]:
    return {key: line.value for key, line in found.rows.items()}


def refused(found: Sheet) -> list[tuple[int, str | None, list[str]]]:
    return [
        (each.number, each.key, [f"{r.field} is {r.value}, expected {r.expected}" for r in each.reasons])
        for each in found.refused
    ]


def test_each_line_is_the_object_that_the_declaration_reads(tmp_path: Path) -> None:
    text = "product_id,product_name,category,price,color\n1,A hat,wear/hats,19.50,red\n2, A cap ,,,\n"
    found = sheet(tmp_path, text)
    hat = {"product_id": "1", "product_name": "A hat", "category": "wear/hats", "price": "19.50"}
    assert values(found) == {
        "1": hat | {"color": "red"},
        "2": {"product_id": "2", "product_name": "A cap"},
    }
    assert found.refused == []


@pytest.mark.parametrize(
    "text",
    [
        "\ufeffid;categories\r\ns1;a, b\r\n\r\ns2;\r\n",
        "id\tcategories\ns1\ta, b\ns2\t",
        'id,categories\n"s1","a, b"\n,\ns2,\n',
    ],
)
def test_spreadsheets_write_it_as_they_like(tmp_path: Path, text: str) -> None:
    assert values(sheet(tmp_path, text, SELLERS)) == {
        "s1": {"id": "s1", "categories": "a, b"},
        "s2": {"id": "s2"},
    }


def test_a_column_is_a_path_where_one_is_declared(tmp_path: Path) -> None:
    text = 'ids.sku,"""unit.price"".cents",money,a.b\n7,1950,USD,x\n'
    assert values(sheet(tmp_path, text, NESTED)) == {
        "7": {"ids": {"sku": "7"}, "unit.price": {"cents": "1950"}, "money": "USD", "a.b": "x"}
    }


def test_where_only_the_record_has_the_key_it_has_a_column(tmp_path: Path) -> None:
    found = sheet(tmp_path, 'key,sells\ns1,a|b\n"{x}",\n,c\n', KEYLESS)
    assert values(found) == {"s1": {"sells": "a|b"}, "{x}": {}}
    assert refused(found) == [(4, None, ["the record's key is absent, expected the id of the row"])]


def test_lines_that_cannot_be_used_are_told_with_their_numbers(tmp_path: Path) -> None:
    text = 'product_id,product_name,price\n1,"two\nlines",free\n2,b,1\n,c,2\n2,d,3\n3,e\n4,f,5,6\n5,g,7\n'
    found = sheet(tmp_path, text)
    assert list(found.rows) == ["2", "5"]
    assert [line.number for line in found.rows.values()] == [4, 9]
    assert refused(found) == [
        (2, "1", ["price is text of 4 characters, expected a number from 0 to 1e12"]),
        (5, None, ["product_id or id or the record's key is absent, expected the id of the row"]),
        (6, "2", ["the key is that of line 4, expected one line a key"]),
        (7, None, ["the line is 2 cells, expected 3, as the header has"]),
        (8, None, ["the line is 4 cells, expected 3, as the header has"]),
    ]


def test_ids_are_sent_as_they_are_also_where_the_job_hashes_them(tmp_path: Path) -> None:
    found = sheet(tmp_path, "user_id,favourite_categories\nann@example.com,a|b\n", PROFILES)
    assert list(found.rows) == ["ann@example.com"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "is empty; its first line must name the columns"),
        (",,\n1,2,3\n", "is empty; its first line"),
        ("product_id,,price\n", "names its columns product_id, , price; each needs a name of its own"),
        ("product_id,price,price\n", "each needs a name of its own"),
        ("sku,price\n1,2\n", "has no column product_id or id; its columns are sku, price"),
        ("1,A hat,2\n2,A cap,3\n", "has no column product_id or id; its columns are 1, A hat, 2"),
        ("product_id,price\n1,2\n2", "ends within line 3, after 1 of 2 cells: it is half written"),
        ('product_id,price\n1,"2', "cannot be read as CSV in UTF-8 (unexpected end of data)"),
        ('product_id,price\n1,"2"3\n', "cannot be read as CSV in UTF-8 (',' expected after '\"')"),
        (b"product_id,price\n1,\xff\n", "cannot be read as CSV in UTF-8 ('utf-8' codec can't decode"),
        (f"product_id,price\n1,{'x' * 200_000}\n", "field larger than field limit"),
    ],
)
def test_what_is_no_whole_table_is_not_used_at_all(tmp_path: Path, text: str | bytes, said: str) -> None:
    with pytest.raises(SheetError) as caught:
        sheet(tmp_path, text)
    assert said in str(caught.value)
    assert str(tmp_path / "file.csv") in str(caught.value)
    assert "othing was sent" in str(caught.value)


def test_a_file_that_is_none(tmp_path: Path) -> None:
    with pytest.raises(SheetError, match="No such file"):
        read_sheet(tmp_path / "none.csv", PRODUCTS)
    with pytest.raises(SheetError, match="Is a directory"):
        read_sheet(tmp_path, PRODUCTS)
    with pytest.raises(SheetError, match=r"has the column ids.sku beside one that it lies in"):
        sheet(tmp_path, "ids.sku,ids\n1,2\n", NESTED)


def test_a_file_that_grows_while_it_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    looks = iter([(1, 10, 5), (1, 20, 6)])
    monkeypatch.setattr(sheets, "stamp", lambda _path: next(looks))
    with pytest.raises(SheetError, match="changed while it was read; nothing was sent"):
        sheet(tmp_path, "product_id\n1\n")
