--------------------------------- MODULE Lease ---------------------------------
(* The holder's half, without I/O: accounting/lease.ts. A lease is what its     *)
(* journal says. Every request reserves 1; what it cost is decided when it is   *)
(* sent, and its holder may learn it or not.                                    *)
EXTENDS Ledger

(* Numbers of requests by what they cost: nothing, what they reserved, or more. *)
Costs == 0..2
None == [c \in Costs |-> 0]
Count(n) == n[0] + n[1] + n[2]
CostOf(n) == n[1] + 2 * n[2]
One(c) == [None EXCEPT ![c] = 1]
Plus(a, b) == [c \in Costs |-> a[c] + b[c]]
Minus(a, b) == [c \in Costs |-> a[c] - b[c]]

(* `inc`: 0 until an open was answered. `unsent`: reserved, and not sent yet.   *)
(* `sent`: under way, by what they cost. `unk`: over, by what they cost, which  *)
(* the holder does not know. `waiting`: report `seq` is not answered. `begun`:  *)
(* processes that have begun since an open was answered.                        *)
NewLease == [begun |-> {}, inc |-> 0, seq |-> 0, granted |-> 0, lost |-> 0, released |-> 0,
             spent |-> 0, overrun |-> 0, returned |-> 0,
             unsent |-> 0, sent |-> None, unk |-> None, waiting |-> FALSE]

Reserved(l) == l.unsent + Count(l.sent)
Idle(l) == AtLeast0(l.granted - (l.spent - l.overrun) - Count(l.unk) - l.lost
                    - l.returned - l.released - Reserved(l))

(* What a process finds reserved was under way when the last one ended. *)
Orphaned(l) == [l EXCEPT !.unk = Plus(Plus(@, l.sent), [None EXCEPT ![0] = l.unsent]),
                         !.unsent = 0, !.sent = None]

Figures(l) == [inc |-> l.inc, seq |-> l.seq, spent |-> l.spent, overrun |-> l.overrun,
               returned |-> l.returned, unknown |-> Count(l.unk)]

Booked(l, c) == [l EXCEPT !.spent = @ + c, !.overrun = @ + AtLeast0(c - 1)]

AdoptOpened(l, a) ==
  LET base == IF a.resumed THEN l
              ELSE [NewLease EXCEPT !.spent = a.spent, !.overrun = a.overrun,
                                    !.returned = a.returned]
  IN [base EXCEPT !.begun = {}, !.inc = a.inc, !.seq = a.seq, !.waiting = FALSE,
                  !.granted = a.granted, !.lost = a.lost, !.released = a.released]

AdoptReported(l, a) ==
  [l EXCEPT !.waiting = FALSE, !.granted = a.granted, !.lost = a.lost,
            !.released = a.released]
===============================================================================
