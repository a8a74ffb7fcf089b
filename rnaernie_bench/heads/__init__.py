"""Prediction heads, one family a task level."""

from rnaernie_bench.task.catalogue import HeadEntry

POOLED = HeadEntry(
    level="sequence",
    build="rnaernie_bench.heads.sequence:pooled",
    summary="the authors' head: pooler output -> dropout -> linear (MultiMolecule's own)",
)
MEAN = HeadEntry(
    level="sequence",
    build="rnaernie_bench.heads.sequence:mean",
    summary="mean of the states of the bases -> dropout -> linear",
)
TOKEN = HeadEntry(
    level="token",
    build="rnaernie_bench.heads.token:linear",
    summary="state of each base -> dropout -> linear (MultiMolecule's own)",
)
BILINEAR = HeadEntry(
    level="contact",
    build="rnaernie_bench.heads.contact:bilinear",
    summary="weighted product of the states of two bases (MultiMolecule's linear contact head)",
)
ATTENTION = HeadEntry(
    level="contact",
    build="rnaernie_bench.heads.contact:attention",
    summary="logistic regression on attention maps",
)
RESNET = HeadEntry(
    level="contact",
    build="rnaernie_bench.heads.contact_resnet:resnet",
    summary="outer concatenation of states -> 2-D residual network (as RiNALMo and sinc-lab)",
)
INTERACTION = HeadEntry(
    level="pair",
    build="rnaernie_bench.heads.pair:interaction",
    summary="bilinear attention over all pairs of bases of two sequences, with a map to look at",
)
SEGMENTS = HeadEntry(
    level="pair",
    build="rnaernie_bench.heads.pair:segment_means",
    summary="mean states of two sequences, their product and difference -> two layers",
)
CONV_LSTM = HeadEntry(
    level="pair",
    build="rnaernie_bench.heads.pair:conv_lstm",
    summary="the authors' head for pairs: letters and states -> convolution -> LSTM",
)
