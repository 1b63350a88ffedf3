"""What every HTTP handler shares: errors in one shape, described operations, the OpenAPI document."""
