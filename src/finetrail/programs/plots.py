"""The page that `dvc plots` writes, with Vega in it: DVC's own loads that from the network, and is empty without one.

`python -m finetrail.programs.plots` sets it up; see https://doc.dvc.org/command-reference/config#plots.
"""

import os
from pathlib import Path

from finetrail.programs.dvc import Dvc
from finetrail.workspace import Workspace

_PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
{refresh_tag}
<title>DVC plots</title>
<style>body { font-family: sans-serif; margin: 1rem } table { border-spacing: 15px }</style>
<script>
(function () {
VEGA
})();
</script>
</head>
<body>
{plot_divs}
</body>
</html>
"""


def write_page(workspace: Workspace) -> None:
    """Write the page, and have this copy of the workspace use it.

    Raises:
        WorkspaceError: DVC refused.
    """
    import vl_convert

    page = _PAGE.replace(
        "VEGA", vl_convert.javascript_bundle("window.vegaEmbed = vegaEmbed;").replace("</script", "<\\/script")
    )
    file = workspace.scratch / "plots.html"
    file.parent.mkdir(exist_ok=True)
    file.write_text(page, encoding="utf-8")
    # Not in the configuration that git has: without the file, DVC would refuse to show plots.
    place = os.path.relpath(file, workspace.root / ".dvc")
    Dvc(workspace.root, os.environ, str(workspace.root)).must("config", "--local", "plots.html_template", place)


if __name__ == "__main__":
    write_page(Workspace(Path.cwd()))
