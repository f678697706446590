"""A shopper is looked at when the moment has come: never late, and once for each time it was asked for."""

from hypothesis import given
from hypothesis import strategies as st

from operators.schedule import NEVER, Schedule

SHOPPERS = st.sampled_from("abc")
MOMENTS = st.integers(0, 20)
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("add"), SHOPPERS, MOMENTS),
        st.tuples(st.just("drop"), SHOPPERS, st.none()),
        st.tuples(st.just("due"), st.integers(0, 3), MOMENTS),
    )
)


@given(STEPS)
def test_it_is_a_map_of_the_earliest_moments(steps: list[tuple[str, object, int]]) -> None:
    schedule, moments = Schedule(), dict[str, int]()
    for step, subject, moment in steps:
        if step == "add":
            schedule.add(str(subject), moment)
            moments[str(subject)] = min(moment, moments.get(str(subject), NEVER))
        elif step == "drop":
            schedule.drop(str(subject))
            moments.pop(str(subject), None)
        else:
            assert isinstance(subject, int)
            wanted = sorted((at, shopper) for shopper, at in moments.items() if at <= moment)[:subject]
            assert list(schedule.due(moment, subject)) == [shopper for _, shopper in wanted]
            for _, shopper in wanted:
                del moments[shopper]
        assert schedule.earliest == min(moments.values(), default=NEVER)
