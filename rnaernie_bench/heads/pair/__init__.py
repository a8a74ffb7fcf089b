"""What pair heads begin from, under the name that earlier releases documented."""

from rnaernie_bench.heads.bases.linear import head_config
from rnaernie_bench.heads.bases.pair import PairHead, Tower

__all__ = ["PairHead", "Tower", "head_config"]
