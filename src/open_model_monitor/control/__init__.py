"""control — many runs over time: schedules, executions, processing jobs, alerts, and the store that holds them.

In:   operations of the API (`service.call`), the clock (`worker`), the operator's commands (`operating`).
Out:  responses; jobs in private folders, their documents in the storage; rows, metrics and events.
Pure: schedule_language, windows, shapes, arns, paging, alerts, events, template. All else touches the store or more.
"""
