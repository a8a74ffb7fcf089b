from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from rnaernie_bench.data.levels.sequence import of_families
from rnaernie_bench.task.files import Families
from rnaernie_bench.task.task import load_task


def alignment(accession: str, kind: str, rows: str, clan: str = "") -> str:
    marks = f"#=GF AC   {accession}\n#=GF TP   {kind}\n"
    return f"# STOCKHOLM 1.0\n{marks}{f'#=GF CL   {clan}' if clan else ''}\n{rows}\n//\n"


def test_families_have_types_clans_and_a_share_of_their_sequences(tmp_path: Path) -> None:
    path = tmp_path / "seed.txt"
    path.write_text(
        alignment("RF1", "Gene; miRNA;", "a A-CGU\nb ACGT\nc AAAAAAA\nd ANGU\ne AC\nf GGGG", "CL7")
        + alignment("RF2", "Cis-reg; leader", "a ACGU")
        + alignment("RF3", "Gene;", "a ACGU")
    )
    task = load_task("ncrna_family")
    types = {"Gene; miRNA": "miRNA", "Cis-reg; leader": "leader"}
    families = Families(types, shortest=4, longest=6)

    def read(families: Families) -> list[tuple[str, str, str, str]]:
        asked = replace(task, dataset=replace(task.dataset, families=families))
        items = of_families(path, asked)
        return [(item.id, item.sequence, task.labels[item.label], item.group) for item in items]

    whole = read(families)
    assert sorted(whole) == [
        ("RF1:a", "ACGU", "miRNA", "CL7"),
        ("RF1:f", "GGGG", "miRNA", "CL7"),
        ("RF2:a", "ACGU", "leader", "RF2"),
    ]
    assert read(replace(families, at_most=1)) == [whole[0], whole[2]]
