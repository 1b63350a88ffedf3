"""The rules: three-valued, self-explaining evaluation of a pack's schemes over what is known of a household."""
