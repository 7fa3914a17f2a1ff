"""Each cell of a table knows the title of its column, and nothing else of a page changes."""

import re

from finetrail.evaluation.report.stacked import stacked

TABLE = """<p>a</p>
<table>
<thead><tr><th>Text</th><th class="num">F1 &amp; <b>recall</b></th></tr></thead>
<tbody>
<tr><td class="excerpt"><bdi>&lt;table&gt;&lt;td&gt;</bdi></td><td>0.5</td></tr>
<tr><td>b</td><td class="num">0.7</td><td>more</td></tr>
</tbody></table>
"""


def test_a_cell_has_the_title_above_it() -> None:
    html = stacked(TABLE)
    assert re.findall(r'<td data-title="(.*?)"', html) == ["Text", "F1 &amp; recall"] * 2 + [""]
    assert html.count('<table class="stacked">') == 1
    plain = re.sub(r' data-title=".*?"', "", html).replace(' class="stacked"', "")
    assert plain == TABLE


def test_matrices_and_tables_without_titles_stay_as_they_are() -> None:
    for table in ('<table class="pairs"><tr><th>1</th><td>2</td></tr></table>', "<table><tr><td>2</td></tr></table>"):
        assert stacked(table) == table
