"""Plans: one way for whatever touches many. It is worked out, shown, and exactly what was shown is carried out.

    begin(kind, asked, ...)    a plan is worked out, page by page: each unit is tried in a transaction and undone
    approve(number, hash)      it is worked out once more; the same hash: carried out; another: shown again, and nothing is done
    carrying it out            each unit once more, committed where it does exactly what was approved, and left alone otherwise

A kind of plan (`PlanKind`) says which units there are and applies one; flows name theirs in `Flow.plans`. A large plan waits
for a second person (`shared.approvals`). Work that takes longer than a page waits for goes on as a delivery to ourselves.
"""
