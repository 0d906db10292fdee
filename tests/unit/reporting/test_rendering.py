"""Templates escape, and show nothing for what is not there."""

from open_model_monitor.reporting.rendering import environment, style


def test_values_are_escaped_and_absent_members_are_nothing():
    template = environment().from_string("{{ a }}|{{ b.c.d }}|{{ b.c.d | number }}")
    assert template.render(a="<script>") == "&lt;script&gt;||–"


def test_a_style_cannot_end_its_element():
    assert "</" not in style()
