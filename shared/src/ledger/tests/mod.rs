mod order_times;
