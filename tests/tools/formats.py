"""Opens files that Cesar's format plugin wrote with programs that read these formats, and prints what they read as JSON.

formats.py FOLDER, with talk.docx, talk.eaf, talk.ttml and talk.imsc.ttml in it. The packages are those of `cargo xtask clients`:
python-docx, pympi-ling, ttconv, and imschrm, which checks the rendering model of IMSC.
"""

import json
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import docx
import pympi
from ttconv import model
from ttconv.imsc import reader


def read_docx(path):
    document = docx.Document(str(path))
    paragraphs = [{"style": paragraph.style.name, "text": paragraph.text} for paragraph in document.paragraphs]
    runs = (run for paragraph in document.paragraphs for run in paragraph.runs)
    highlighted = [run.text for run in runs if run.font.highlight_color is not None]
    created = document.core_properties.created.strftime("%Y-%m-%dT%H:%M:%SZ")
    return {"paragraphs": paragraphs, "highlighted": highlighted, "created": created}


def read_eaf(path):
    eaf = pympi.Elan.Eaf(str(path))
    return {tier: sorted(map(list, eaf.get_annotation_data_for_tier(tier))) for tier in eaf.get_tier_names()}


def read_ttml(path):
    document = reader.to_model(ElementTree.parse(path))
    texts = (node for node in document.get_body().dfs_iterator() if isinstance(node, model.Text))
    return "".join(text.get_text() for text in texts)


def rendering_model(path):
    checked = subprocess.run([Path(sys.executable).with_name("imschrm"), path], capture_output=True, text=True, check=False)
    return [checked.returncode, checked.stdout + checked.stderr]


folder = Path(sys.argv[1])
found = {
    "docx": read_docx(folder / "talk.docx"),
    "eaf": read_eaf(folder / "talk.eaf"),
    "ttml": read_ttml(folder / "talk.ttml"),
    "imsc": read_ttml(folder / "talk.imsc.ttml"),
    "hrm": rendering_model(folder / "talk.imsc.ttml"),
}
print(json.dumps(found))
