// All of plait.
#pragma once

#include <plait/core/any_future.hpp>
#include <plait/core/config.hpp>
#include <plait/core/errors.hpp>
#include <plait/core/future.hpp>
#include <plait/core/outcome.hpp>
#include <plait/core/promise.hpp>
#include <plait/core/report.hpp>
#include <plait/core/task.hpp>
#include <plait/core/thread_name.hpp>
#include <plait/executor/executor.hpp>
#include <plait/loop/event_loop.hpp>
#include <plait/loop/run.hpp>
#include <plait/loop/settled.hpp>
#include <plait/loop/sleep.hpp>
#include <plait/loop/sync_wait.hpp>
#include <plait/loop/task_handle.hpp>
#include <plait/loop/to_thread.hpp>
#include <plait/loop/wait.hpp>
#include <plait/observe/log.hpp>
#include <plait/threads/thread_pool_executor.hpp>
